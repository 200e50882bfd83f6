"""What the campaigns of power cuts have in common."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localvm.errors import ConsoleError
from tests.campaigns.running import Tally
from tests.support.engine import Engine, environment, run_tool
from tests.support.tiny import System, build


@contextmanager
def tiny_system(*, signed: bool = False) -> Iterator[tuple[System, Path]]:
    """Build the smallest system with a real engine. Yield it, and a directory for disks that is removed in the end."""
    run_tool("engine", "up")
    run_tool("frontend-image")
    with tempfile.TemporaryDirectory(prefix="power-cuts-") as scratch:
        top = Path(scratch)
        yield build(Engine(environment()), top, signed=signed), top


def attempt(tally: Tally, point: int, action: Callable[[], object]) -> None:
    """Judge a disk after a power cut behind so many entries of the log."""
    tally.inputs += 1
    try:
        action()
    except (AssertionError, ConsoleError, subprocess.CalledProcessError) as error:
        tally.fail(type(error).__name__, f"after {point} entries of the log: {error}")
