"""The only exception of this package."""

from __future__ import annotations


class LlbError(ValueError):
    """A value from which no valid graph can be made. The message is one line that says what to change."""
