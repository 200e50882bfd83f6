"""Run programs, measure their cost, and format the results."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Cost:
    """The resources used by a program and every process that it waited for."""

    wall: float
    """Elapsed seconds."""
    cpu: float
    """Seconds of user and system time of all processes."""
    peak: float
    """MiB of resident memory of the largest process (ru_maxrss of getrusage(2)), at least that of this program."""

    def __add__(self, later: Cost) -> Cost:
        """Return the cost of both, one after the other."""
        return Cost(self.wall + later.wall, self.cpu + later.cpu, max(self.peak, later.peak))


def run(
    argv: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None, *, fails: bool = False
) -> tuple[Cost, str]:
    """Return the cost of `argv` and its output.

    `fails`: the program is expected to fail. Raises OSError with the last lines of output if it does otherwise.
    """
    with tempfile.TemporaryFile() as said:
        start = time.monotonic()
        process = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read().decode(errors="replace")
    if bool(process.returncode) != fails:
        raise OSError("\n".join([f"{argv[0]} ended ({process.returncode})", *words.splitlines()[-15:]]))
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), words


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(*(median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "peak")))


def conditions() -> dict[str, object]:
    """Return what else the figures depend on."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "model": model.partition(":")[2].strip(),
        "kernel": os.uname().release,
        "load": round(os.getloadavg()[0], 2),
    }


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that is also readable as text; all columns except the first are numbers."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    return "\n".join(line(cells) for cells in (head, rule, *rows))
