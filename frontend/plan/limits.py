"""The `limits` key: what a system may take, and what it does take (`imager.memory` tells how much memory)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from frontend.config.rules.lint import HUGE_SYSTEM
from imager import memory

from .kernel import Notice

if TYPE_CHECKING:
    from spec.document import Spec

    from .kernel import Problem

_MEBIBYTE = 1 << 20
_TOP = 5
FIRMWARE_LIMIT = 2 << 30
"""Bytes of a UKI from which on UEFI firmware fails to start it (OVMF in QEMU does)."""
SLOW_FIRMWARE = 1 << 30
"""Bytes of a UKI from which on some firmware fails: OVMF starts 1000 MB from a disk, but not 1500 MB."""


def exceeded(spec: Spec, uki: int, ram: int) -> Iterator[Problem]:
    """Give the limits that are exceeded by a UKI of `uki` bytes that needs `ram` bytes of memory."""
    limits = spec.limits
    if limits.uki is not None and uki > limits.uki:
        yield (
            f"limits.uki: the UKI has {memory.format_size(uki)}, but may have {memory.format_size(limits.uki)} at most",
            ("limits", "uki"),
        )
    if limits.ram is not None and ram > limits.ram:
        most = memory.format_size(limits.ram)
        text = f"limits.ram: booting needs about {memory.format_size(ram)} of memory, but may need {most} at most"
        yield text, ("limits", "ram")


def warnings(uki: int) -> Iterator[Notice]:
    """Give what firmware may not do with a UKI of `uki` bytes."""
    if uki >= FIRMWARE_LIMIT:
        text = f"the UKI has {memory.format_size(uki)}: UEFI firmware starts none of 2G and more"
    elif uki >= SLOW_FIRMWARE:
        text = f"the UKI has {memory.format_size(uki)}: some UEFI firmware starts none of 1G and more"
    else:
        return
    yield Notice(f"{text}; `--target report` shows what takes the space", ("base",), HUGE_SYSTEM)


def biggest(measured: dict[str, Any]) -> str:
    """Return the line with what takes most space, from what `imager sizes` measured."""
    names = {"modules": "kernel modules", "firmware": "firmware", "unpackaged": "files of no package"}
    kinds = [{"name": name, "size": measured[kind]["size"]} for kind, name in names.items()]
    rows = sorted([*measured["packages"], *kinds], key=lambda row: (-row["size"], row["name"]))[:_TOP]
    shown = ", ".join(
        f"{row['name']} {memory.format_size(row['size'])}" for row in rows if row["size"] >= _MEBIBYTE // 10
    )
    return f"the largest parts, unpacked: {shown} (`--target report` shows all)"
