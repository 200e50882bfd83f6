"""How far a long step is, for whoever watches a build: a line a second, and nothing at all in a short step.

The lines go to the log only, so they change no output. The work is asked how far it is, and never waits for that.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from imager.core import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 3.0
"""Seconds without a line."""
_PAUSE = 1.0
"""Seconds between two lines."""
_MEGABYTE = 1_000_000
_BLOCK = 512
"""The unit in which stat(2) counts what a file takes, whatever the file system."""


@contextmanager
def told(what: str, done: Callable[[], int], whole: Callable[[], int] | None = None) -> Iterator[None]:
    """Tell how far `what` is while the block runs: `done` of `whole` bytes. Nobody asks for `whole` in a short step."""
    over = Event()
    # Nobody waits for it, because `whole` may take as long as the rest of the step.
    Thread(target=_watch, args=(what, done, whole, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


@contextmanager
def told_of_file(path: str, fd: int, whole: int | None) -> Iterator[None]:
    """Tell how far the file `fd` at `path` is, which will store `whole` bytes, or who knows how many.

    The kernel copies most of an output in few calls, but it counts the blocks of a file all the time.
    """
    with told(Path(path).name, lambda: os.fstat(fd).st_blocks * _BLOCK, None if whole is None else lambda: whole):
        yield


def _watch(what: str, done: Callable[[], int], whole: Callable[[], int] | None, over: Event) -> None:
    if over.wait(_PATIENCE):
        return
    with suppress(OSError):  # the work fails for the same reason, and says so
        last, at = done(), monotonic()
        all_ = whole() if whole else 0
        while not over.wait(_PAUSE):
            now, then = done(), monotonic()
            terminal.tell(f"{what}: {_describe(now, all_, (now - last) / (then - at))}")
            sys.stdout.flush()
            last, at = now, then


def _describe(done: int, whole: int, speed: float) -> str:
    size = f"{done // _MEGABYTE} MB"
    if whole:
        size = f"{min(100, 100 * done // whole)} %, {done // _MEGABYTE} of {whole // _MEGABYTE} MB"
    return f"{size}, {speed / _MEGABYTE:.1f} MB/s"
