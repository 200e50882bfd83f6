"""The exceptions of the imager.

ImagerError           cannot be done: one line that says what to do; exit code 1
├── NoSpaceError      the disk of the builder is full
└── ToolError         an external program failed; the line holds what it said
UsageError            the command line is wrong; exit code 2
"""

from __future__ import annotations


class ImagerError(Exception):
    """The request cannot be fulfilled. The text is one line for the user."""


class NoSpaceError(ImagerError):
    """The file system of the output is full."""

    def __init__(self, request: object) -> None:
        place = getattr(request, "output", None) or getattr(request, "system", "the output")
        super().__init__(
            f"no space left on the builder while writing {place}: "
            "free some (for example with `docker builder prune`) and build again"
        )


class ToolError(ImagerError):
    """An external program could not be started, was killed, or failed."""


class UsageError(Exception):
    """The command line does not make a request."""
