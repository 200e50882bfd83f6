"""The name that a system goes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class Identity(Request):
    """Write `name` and `version` into the os-release of `system`, as IMAGE_ID and IMAGE_VERSION."""

    performed_by: ClassVar[str] = "rootfs.osrelease"
    system: str
    name: str
    version: str = ""
    epoch: int
