"""Another machine to build on: another clock, one processor, another user."""

from __future__ import annotations

import os
import shlex
import shutil
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


def faketime() -> Path:
    """The library that changes the clock of programs."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        unavailable("libfaketime is not installed")
    return found[0]


def late_runc(folder: Path, offset: str) -> Path:
    """Make a folder for the front of an engine's PATH, whose runc runs build steps with a clock that is ahead."""
    runc = shutil.which("runc", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    assert runc, "an engine that is up has it"
    folder.mkdir()
    words = (sys.executable, REPOSITORY / "tests/support/late_runc.py", faketime(), offset, runc)
    (folder / "runc").write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
    (folder / "runc").chmod(0o755)
    return folder
