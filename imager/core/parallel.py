"""Process many pieces on all processors, with results in order and only a few of them in memory."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_AHEAD = 4
"""Waiting results per processor."""
_MAX_WORKERS = 16
"""Processors that can stay busy; also a limit for the memory."""


def map_ordered(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Yield `work(item)` for each item in order. Uses threads: zlib and reading release the interpreter lock."""
    workers = min(len(os.sched_getaffinity(0)), _MAX_WORKERS)
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
