"""The exceptions of the imager.

ImagerError           the request failed: one line that says what to do; exit code 1
├── NoSpaceError      the builder's disk is full
└── ToolError         an external program failed; the line contains its output
UsageError            the command line is wrong; exit code 2
"""

from __future__ import annotations


class ImagerError(Exception):
    """The imager cannot fulfil the request. The text is one line for the user."""


class NoSpaceError(ImagerError):
    """The file system with the output is full."""

    def __init__(self, request: object) -> None:
        place = getattr(request, "output", None) or getattr(request, "system", "the output")
        super().__init__(
            f"no space left on the builder while writing {place}: "
            "free some space, for example with `docker builder prune`, and build again"
        )


class ToolError(ImagerError):
    """An external program could not start, was killed, or failed."""


class UsageError(Exception):
    """The command line is not a valid request."""
