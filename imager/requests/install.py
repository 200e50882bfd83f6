"""How the system gets onto a disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import spec.install
from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class Install(Request):
    """Let `system` copy itself from the medium that it booted from to a disk."""

    performed_by: ClassVar[str] = "customize.install"
    system: str
    install: spec.install.Install
    epoch: int
