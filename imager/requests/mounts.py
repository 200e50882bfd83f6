"""What a system mounts, and where it swaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request
from spec.mounts import FileSystem
from spec.swap import Swap as SwapSpace


@dataclass(frozen=True, kw_only=True)
class Mounts(Request):
    """Write each `mount`, by its mount point, to the fstab of `system`."""

    performed_by: ClassVar[str] = "customize.mounts"
    system: str
    mount: Mapping[str, FileSystem]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Swap(Request):
    """Write each `swap` on a device to the fstab of `system`, and the program that makes those in memory."""

    performed_by: ClassVar[str] = "customize.swap"
    system: str
    swap: tuple[SwapSpace, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class DiskEntries(Request):
    """Keep what `system`, which was made for a disk, says about its disks from stopping the boot."""

    performed_by: ClassVar[str] = "customize.disk_entries"
    system: str
    epoch: int
