"""The exceptions of the frontend.

    FrontendError            a failure with a message for the user
    ├── UserError            the input is wrong: one message, and the places that it is about
    ├── AnswerError          an answer of BuildKit, or of a build step, makes no sense
    └── EngineError          a call to BuildKit failed; carries BuildKit's own status

Any other exception is a bug in Claylinux, and is reported as one. `failure.py` converts all of them, and
`config.ConfigError`, into the status that BuildKit gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llb import SourceRange
    from proto import status_pb2


class FrontendError(Exception):
    """A failure with a message for the user and no traceback."""


class UserError(FrontendError):
    """The input of the user cannot be built. buildx shows `ranges` of the build file as snippets, in this order."""

    def __init__(self, message: str, ranges: tuple[SourceRange, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.ranges = ranges


class AnswerError(FrontendError):
    """An answer of BuildKit makes no sense. `reason` says which one, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the engine (dockerd or BuildKit) gave an answer that makes no sense: {reason}")
        self.reason = reason


class EngineError(FrontendError):
    """A call to BuildKit failed. `status` is its answer, with all typed details."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status
