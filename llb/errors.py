"""The one exception of this package."""

from __future__ import annotations


class LlbError(ValueError):
    """A value that makes no valid graph. The message is one line that says what to change."""
