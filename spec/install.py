"""How the system gets onto a disk from the medium that it booted from: the key `install`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """The command `claylinux install`, and what it does by itself."""

    HINTS: ClassVar[Mapping[str, str]] = hints.INSTALL
    SHORT: ClassVar[str] = "disk"
    disk: kept.InstallDisk = key(
        "The disk for which nobody has to ask: `empty`, the only one that holds nothing; or a certain one.",
        "serial=S4EWNX0R",
        default="empty",
    )
    auto: bool = key(
        "Whether the system installs itself at boot, without a question, unless it booted from a disk that it was "
        "installed on.",
        "true",
        default=False,
    )
    after: Literal["reboot", "poweroff"] = key(
        "What follows an installation without a question.", "poweroff", default="reboot"
    )
