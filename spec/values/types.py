"""The values that are neither texts nor numbers. Build steps read them too, so nothing is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who a file belongs to: names of the system's own /etc/passwd and /etc/group, or numbers.

    Without `group` it is the user's number.
    """

    user: str | int
    group: str | int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the machine's memory, in percent."""

    percent: int
