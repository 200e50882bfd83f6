"""Where and for whom a system works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import spec.keyboard
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


@dataclass(frozen=True, kw_only=True)
class Keyboard(Request):
    """Say which `keyboard` the programs of `system` load at boot. It must have both."""

    performed_by: ClassVar[str] = "customize.keyboard"
    system: str
    keyboard: spec.keyboard.Keyboard
    epoch: int
