"""The exceptions of the frontend.

    FrontendError            a failure that the user is told about
    ├── UserError            the user's input is wrong: one message, the places it is about
    └── EngineError          an RPC to BuildKit failed; carries BuildKit's own status

Anything else that escapes is a bug in Claylinux, and is reported as one. `config.ConfigError` is
converted into a `UserError` in one place, `app.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llb import SourceRange
    from proto import status_pb2


class FrontendError(Exception):
    """A failure that the user is told about, without a traceback."""


class UserError(FrontendError):
    """The user's input cannot be built.

    `ranges` are the places in the build file, shown as snippets by buildx in this order.
    """

    def __init__(self, message: str, ranges: tuple[SourceRange, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.ranges = ranges


class EngineError(FrontendError):
    """A call to BuildKit failed. `status` is BuildKit's answer with all its typed details."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status
