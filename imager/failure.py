"""How a program of the imager ends: the error as one line for people, and the exit code."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from imager.core import terminal
from imager.core.errors import ImagerError, NoSpaceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

DONE, FAILED, MISUSED = 0, 1, 2


def attempt(program: str, action: Callable[[], None], request: object, name: str = "") -> int:
    """Run `action` for `request` and return the exit code. `name` starts messages that have no context of their own."""
    lead = f"{name}: " if name else ""
    try:
        action()
    except UsageError as error:
        return tell(program, f"{lead}{error}", MISUSED)
    except ImagerError as error:
        return tell(program, str(error), FAILED)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return tell(program, str(NoSpaceError(request)), FAILED)
        return tell(program, lead + _explain(error), FAILED)
    return DONE


def tell(program: str, message: str, code: int) -> int:
    """Print one line on stderr and return `code`."""
    terminal.tell(f"{program}: error: {message}", error=True)
    return code


def _explain(error: OSError) -> str:
    place = error.filename
    if isinstance(place, bytes):
        place = os.fsdecode(place)
    return f"{place}: {error.strerror}" if place else str(error.strerror)
