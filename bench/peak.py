#!/usr/bin/env python3
"""The maximum memory that a command and all processes below it used at the same time.

It adds up their resident memory several hundred times per second; shared memory counts several times.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PERIOD = 0.003


def main() -> int:
    """Run the command line and return the exit code of the command."""
    parser = argparse.ArgumentParser(prog="bench/peak.py", description=__doc__)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...", help="the command to run")
    words = parser.parse_args().command
    process = subprocess.Popen(words[1:] if words[:1] == ["--"] else words, stdout=subprocess.DEVNULL)
    most: dict[str, int] = {}
    while process.poll() is None:
        held = dict(memory(process.pid))
        most = max(most, held, key=lambda each: sum(each.values()))
        time.sleep(PERIOD)
    parts = " + ".join(f"{name} {size >> 10}" for name, size in most.items())
    print(f"{sum(most.values()) >> 10} MiB: {parts}")
    return process.returncode


def memory(pid: int) -> Iterator[tuple[str, int]]:
    """Yield the name and KiB of a process and of all processes below it."""
    place = Path("/proc") / str(pid)
    try:
        status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        below = [child for task in (place / "task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return  # it has ended
    if "VmRSS" in status:
        yield f"{status['Name'].strip()}[{pid}]", int(status["VmRSS"].split()[0])
    for child in below:
        yield from memory(int(child))


if __name__ == "__main__":
    sys.exit(main())
