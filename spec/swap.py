"""Swap space of the running system: the key `swap`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import filesystems, sizes

ZRAM_PROGRAM = "/usr/lib/claylinux/zram-swap"
"""What makes swap space in compressed memory at boot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZramSwap:
    """Swap space in compressed memory."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SWAP
    CHOSEN_BY: ClassVar[str] = "zram"
    zram: sizes.MemorySize = key("How much it holds, before compression.", "50%")
    algorithm: filesystems.ZramAlgorithm | None = key(
        "The compression. Default: that of the kernel.", "zstd", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSwap:
    """Swap space on a disk."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SWAP
    CHOSEN_BY: ClassVar[str] = "device"
    device: filesystems.SwapDevice = key(
        "The swap space, as mkswap made it: a device in /dev, LABEL=..., UUID=..., PARTLABEL=... or PARTUUID=...",
        "LABEL=swap",
    )
    optional: bool = key("Whether the boot does not wait for it.", "true", default=False)


Swap = ZramSwap | DeviceSwap
