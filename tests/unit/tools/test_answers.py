"""tests.support.answers: a shell on a terminal that is narrower than its commands stands for the guest."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from localvm.console import Console
from tests.support.answers import ask

TERMINAL = "import pty, sys; pty.spawn(sys.argv[1:])"
LONG = "echo 'the first line'; printf '%s\\n' a b c | grep -c '^[abc]'"


@pytest.mark.parametrize("shell", [("/bin/bash", "--norc", "--noprofile", "-i"), ("/bin/sh", "-i")], ids=["bash", "sh"])
def test_an_answer_is_only_what_the_command_says(shell: tuple[str, ...]) -> None:
    words = [sys.executable, "-c", TERMINAL, *shell]
    home = {**os.environ, "PS1": "a-prompt-of-its-own# ", "TERM": "vt102", "ENV": "", "HISTFILE": ""}
    with subprocess.Popen(
        words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=home
    ) as process:
        console = Console(process)
        try:
            for width in range(24, 30):
                ask(console, f"stty cols {width}")
                assert ask(console, LONG) == "the first line\n3\n"
        finally:
            console.stop()
