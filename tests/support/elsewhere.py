"""Simulate another build machine: another clock, one processor, another user."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.engine import REPOSITORY, unavailable

ONE_PROCESSOR = ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))
"""The start of the command that starts an engine; its build steps inherit this (sched_setaffinity(2))."""
NOBODY = 65534
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)
"""The start of a client's command; this user can still read root's directories, which contain the tests' programs."""
STRANGER = {"LC_ALL": "tr_TR.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "USER": "nobody", "LOGNAME": "nobody"}


def late(directory: Path, seconds: int) -> Path:
    """Build the library in `directory` that sets the clock of programs ahead if it is preloaded."""
    if not shutil.which("gcc"):
        unavailable("gcc is not installed")
    library = directory / "late.so"
    source = REPOSITORY / "tests/support/late.c"
    argv = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-DSECONDS={seconds}"]
    subprocess.run([*argv, "-o", str(library), str(source)], check=True)
    return library


def late_runc(directory: Path, seconds: int) -> Path:
    """Make a directory for an engine's PATH whose runc runs build steps with a clock that is ahead."""
    runc = shutil.which("runc", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    assert runc, "a running engine has it"
    directory.mkdir()
    words = (sys.executable, REPOSITORY / "tests/support/late_runc.py", late(directory, seconds), runc)
    (directory / "runc").write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
    (directory / "runc").chmod(0o755)
    return directory
