"""Work beside the rest of a build."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


def start(work: Callable[[], _Result]) -> Future[_Result]:
    """Begin to work. The future raises what `work` raises.

    Not an executor: the process must not wait for it when something else fails.
    """
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - the future raises it
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future
