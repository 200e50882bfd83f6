"""Run programs and say what they cost; print what was measured."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Cost:
    """What a program and everything it waited for has used."""

    wall: float
    """Seconds by the clock."""
    cpu: float
    """Seconds of user and system time, all processes."""
    peak: float
    """MiB of resident memory of the largest process (getrusage(2), ru_maxrss)."""

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


def run(argv: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> tuple[Cost, str]:
    """Give what `argv` cost and all it said. Raises OSError with its last words when it fails."""
    with Path(os.devnull).open("rb") as null, _scratch() as said:
        start = time.monotonic()
        process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=null, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read().decode(errors="replace")
    if process.returncode:
        raise OSError(f"{argv[0]} failed ({process.returncode}):\n" + "\n".join(words.splitlines()[-15:]))
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), words


def _scratch() -> Path.__class__:
    raise NotImplementedError
