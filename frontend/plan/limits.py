"""The `limits` key: what a system may take, and what it does take.

The memory that booting needs is an estimate. Its constants were measured with a Debian system of 566 MB, which
booted with 1400 MB unpacked and 600 MB in overlay mode, but not with less than these by a twentieth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frontend.config.lint import HUGE_SYSTEM

from .kernel import Notice

if TYPE_CHECKING:
    from frontend.config import Spec

    from .kernel import Problem
    from .report import Report

_MEBIBYTE = 1 << 20
_EARLY = 128 * _MEBIBYTE
"""What the kernel and UEFI firmware have taken when the initramfs is unpacked: 106 MB with OVMF and 560 MB of RAM."""
_RUNNING = 112 * _MEBIBYTE
"""What a system has taken when it is up, beside its files."""
_FIRMWARE = 128 * _MEBIBYTE
"""What UEFI firmware keeps for itself while it starts a UKI."""
_FILE = 3 << 10
"""What a file in a tmpfs takes beside its content: its inode, and on average half of its last page."""
_TOP = 5
FIRMWARE_LIMIT = 2 << 30
"""Bytes of a UKI from which on UEFI firmware fails to start it (OVMF in QEMU does)."""
SLOW_FIRMWARE = 1 << 30
"""Bytes of a UKI from which on some firmware fails: OVMF starts 1000 MB from a disk, but not 1500 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What decides how much memory booting takes, in bytes: the UKI, and the system that is in it unpacked."""

    uki: int
    unpacked: int

    @classmethod
    def of(cls, uki: int, report: Report) -> Sizes:
        """Return those of a UKI of `uki` bytes with the system of `report`."""
        return cls(uki=uki, unpacked=report.size + report.files * _FILE)


def ram_need(mode: str, sizes: Sizes) -> int:
    """Return the least memory in bytes that booting needs; `mode` is tmpfs or overlay.

    The initramfs, nearly all of the UKI, stays in memory until it is unpacked into a tmpfs that may have half of what
    is left beside it. In overlay mode what is unpacked is the compressed system. Before that, the firmware holds the
    UKI three times: as it read it, as it loaded it, and as the stub hands it on.
    """
    unpacked = sizes.uki if mode == "overlay" else sizes.unpacked
    unpacking = sizes.uki + 2 * unpacked + _EARLY
    running = unpacked + _RUNNING
    return max(unpacking, running, 3 * sizes.uki + _FIRMWARE)


def exceeded(spec: Spec, uki: int, ram: int) -> Iterator[Problem]:
    """Give the limits that are exceeded by a UKI of `uki` bytes that needs `ram` bytes of memory."""
    limits = spec.limits
    if limits.uki is not None and uki > limits.uki:
        yield f"limits.uki: the UKI has {_shown(uki)}, but may have {_shown(limits.uki)} at most", ("limits", "uki")
    if limits.ram is not None and ram > limits.ram:
        text = f"limits.ram: booting needs about {_shown(ram)} of memory, but may need {_shown(limits.ram)} at most"
        yield text, ("limits", "ram")


def warnings(uki: int) -> Iterator[Notice]:
    """Give what firmware may not do with a UKI of `uki` bytes."""
    if uki >= FIRMWARE_LIMIT:
        text = f"the UKI has {_shown(uki)}: UEFI firmware starts none of 2G and more"
    elif uki >= SLOW_FIRMWARE:
        text = f"the UKI has {_shown(uki)}: some UEFI firmware starts none of 1G and more"
    else:
        return
    yield Notice(f"{text}; `--target report` shows what takes the space", ("base",), HUGE_SYSTEM)


def biggest(measured: dict[str, Any]) -> str:
    """Return the line with what takes most space, from what `imager sizes` measured."""
    names = {"modules": "kernel modules", "firmware": "firmware", "unpackaged": "files of no package"}
    kinds = [{"name": name, "size": measured[kind]["size"]} for kind, name in names.items()]
    rows = sorted([*measured["packages"], *kinds], key=lambda row: (-row["size"], row["name"]))[:_TOP]
    shown = ", ".join(f"{row['name']} {_shown(row['size'])}" for row in rows if row["size"] >= _MEBIBYTE // 10)
    return f"the largest parts, unpacked: {shown} (`--target report` shows all)"


def _shown(size: int) -> str:
    return f"{size / _MEBIBYTE:.1f}M".replace(".0M", "M")
