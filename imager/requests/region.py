"""Where and for whom a system works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class TimeZone(Request):
    """Give `system` the time zone `zone`, which it must have in /usr/share/zoneinfo."""

    performed_by: ClassVar[str] = "customize.timezone"
    system: str
    zone: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Locale(Request):
    """Make the locale `name`, which `system` must have, that of its services and users."""

    performed_by: ClassVar[str] = "customize.locale"
    system: str
    name: str
    epoch: int
