"""How much memory other processes need, at most.

What `wait4` says of a child counts the memory that its parent had when it started. The kernel's own mark of a running
process (VmHWM) does not, but it is gone with the process, so it has to be read while the process runs.
"""

from __future__ import annotations

import re
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PROC = Path("/proc")
_HIGH = re.compile(r"VmHWM:\s+(\d+)")
_INTERVAL = 0.05
"""Seconds between two looks: shorter than any process that needs much."""


def mapped() -> int:
    """Return the bytes of addresses that this process has: a limit of what more it may take begins there."""
    return int((_PROC / "self/statm").read_text().split()[0]) * resource.getpagesize()


def peak(process: int) -> int:
    """Return the most memory that a process has had since it became its program, in KiB; 0 if it has ended."""
    with suppress(OSError):
        found = _HIGH.search((_PROC / str(process) / "status").read_text())
        return int(found[1]) if found else 0
    return 0


@contextmanager
def watched(root: Callable[[], int], peaks: dict[str, int]) -> Iterator[None]:
    """Raise `peaks`, by the names of programs, to what `root` and all processes below it need, until the block ends.

    `root` gives the process at any time, or 0 if there is none.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_INTERVAL):
            for process in _family(root()):
                if name := _name(process):
                    peaks[name] = max(peaks.get(name, 0), peak(process))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _family(root: int) -> set[int]:
    """Return a process and all those below it."""
    children: dict[int, list[int]] = {}
    for place in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            # The name of a process is in parentheses, and may have any characters.
            children.setdefault(int(place.read_text().rpartition(")")[2].split()[1]), []).append(int(place.parent.name))
    found, todo = set[int](), [root] if root else []
    while todo:
        found.add(process := todo.pop())
        todo += children.get(process, [])
    return found


def _name(process: int) -> str:
    """Return what a process runs: its program, or the module that Python runs."""
    with suppress(OSError):
        words = (_PROC / str(process) / "cmdline").read_text(errors="replace").split("\0")
        return words[words.index("-m") + 1] if "-m" in words[:-1] else Path(words[0]).name
    return ""
