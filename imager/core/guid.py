"""GUIDs that depend only on content: same input, same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE = UUID("5d0b2f4e-6f3c-5f0e-9d0c-6f2b8c1a7e11")
"""Our namespace; every GUID that we make is derived from it."""


def identify(digest: str) -> Callable[[str], UUID]:
    """Return a function that derives the GUID of each role from the `digest` of the content."""
    return lambda role: uuid5(NAMESPACE, f"{role} {digest}")
