"""Another machine to build on: another clock, one processor, another user."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.engine import REPOSITORY, unavailable

ONE_PROCESSOR = ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))
"""In front of what starts an engine; its build steps inherit it (sched_setaffinity(2))."""
NOBODY = 65534
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)
"""In front of a client: it may still read root's folders, where the tests' programs are."""
STRANGER = {"LC_ALL": "tr_TR.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "USER": "nobody", "LOGNAME": "nobody"}


def late(folder: Path, seconds: int) -> Path:
    """Make the library in `folder` that, preloaded, sets the clock of programs ahead."""
    if not shutil.which("gcc"):
        unavailable("gcc is not installed")
    library = folder / "late.so"
    source = REPOSITORY / "tests/support/late.c"
    argv = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-DSECONDS={seconds}"]
    subprocess.run([*argv, "-o", str(library), str(source)], check=True)
    return library


def late_runc(folder: Path, seconds: int) -> Path:
    """Make a folder for the front of an engine's PATH, whose runc runs build steps with a clock that is ahead."""
    runc = shutil.which("runc", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    assert runc, "an engine that is up has it"
    folder.mkdir()
    words = (sys.executable, REPOSITORY / "tests/support/late_runc.py", late(folder, seconds), runc)
    (folder / "runc").write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
    (folder / "runc").chmod(0o755)
    return folder
