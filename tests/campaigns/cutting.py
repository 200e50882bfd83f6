"""What the campaigns of power cuts have in common."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from localvm.errors import ConsoleError
from tests.campaigns.running import Tally


def attempt(tally: Tally, point: int, action: Callable[[], object]) -> None:
    """Judge a disk after a power cut behind so many entries of the log."""
    tally.inputs += 1
    try:
        action()
    except (AssertionError, ConsoleError, subprocess.CalledProcessError) as error:
        tally.fail(type(error).__name__, f"after {point} entries of the log: {error}")
