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
_APART, _LAST = 8, 14
"""How far apart the exit codes of two requests of one step are, and the last number with codes of its own: those from
126 on are a shell's."""


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


def numbered(code: int, number: int) -> int:
    """Return the exit code that says which request of a step ended with `code`; `number` counts from 0, to 14."""
    return code and code + min(number, _LAST) * _APART


def parted(code: int) -> tuple[int, int]:
    """Return the number of the request and its own code, the reverse of `numbered`."""
    return divmod(code, _APART)


def tell(program: str, message: str, code: int) -> int:
    """Print one line on stderr and return `code`."""
    terminal.tell(f"{program}: error: {message}", error=True)
    return code


def _explain(error: OSError) -> str:
    place = error.filename
    if isinstance(place, bytes):
        place = os.fsdecode(place)
    return f"{place}: {error.strerror}" if place else str(error.strerror)
