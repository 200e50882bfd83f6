"""What runs once the system is up: the key `services`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import words
from .keys import key


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSwitch:
    """A service that a package brings."""

    SHORT: ClassVar[str] = "start"
    CHOSEN_BY: ClassVar[str] = "start"
    start: words.ServiceStart = key(
        "`true` or `false`: whether it starts at boot; or the OpenRC runlevel that it starts in.", "boot"
    )


Service = ServiceSwitch
