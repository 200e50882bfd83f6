"""The key `limits`: the sizes that a system may have, and those that it has (`imager.memory` estimates its memory)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from frontend.config.rules.lint import HUGE_SYSTEM
from frontend.config.syntax.diagnostics import Diagnostic
from imager import memory

if TYPE_CHECKING:
    from spec.document import Spec

_MEBIBYTE = 1 << 20
_TOP = 5
FIRMWARE_LIMIT = 2 << 30
"""Bytes. UEFI firmware cannot start a UKI of this size or more (OVMF in QEMU cannot)."""
SLOW_FIRMWARE = 1 << 30
"""Bytes. Some firmware cannot start a UKI of this size or more: OVMF starts 1000 MB from a disk, but not 1500 MB."""


def exceeded(spec: Spec, uki: int, ram: int) -> Iterator[Diagnostic]:
    """Yield the limits that a UKI of `uki` bytes exceeds if it needs `ram` bytes of memory."""
    limits = spec.limits
    if limits.uki is not None and uki > limits.uki:
        most = memory.format_size(limits.uki)
        text = f"`limits.uki`: the UKI is {memory.format_size(uki)}, more than the limit of {most}"
        yield Diagnostic(spec.positions.of("limits", "uki"), text)
    if limits.ram is not None and ram > limits.ram:
        text = (
            f"`limits.ram`: booting needs about {memory.format_size(ram)} of memory, more than the limit of "
            f"{memory.format_size(limits.ram)}"
        )
        yield Diagnostic(spec.positions.of("limits", "ram"), text)


def warnings(spec: Spec, uki: int) -> Iterator[Diagnostic]:
    """Yield a warning if firmware may be unable to start a UKI of `uki` bytes."""
    if uki >= FIRMWARE_LIMIT:
        text = f"the UKI is {memory.format_size(uki)}: UEFI firmware cannot start images of 2 GiB or larger"
    elif uki >= SLOW_FIRMWARE:
        text = f"the UKI is {memory.format_size(uki)}: some UEFI firmware cannot start images of 1 GiB or larger"
    else:
        return
    text += "; `rootfs: {source: disk}` keeps the system beside it, and `--target report` shows what takes up the space"
    yield Diagnostic(spec.positions.of("base"), text, "warning", HUGE_SYSTEM)


_PARTS = {"modules": "kernel modules", "firmware": "firmware", "unpackaged": "files of no package"}
MEASURED = {"packages": [{"name": str, "size": int}], **{part: {"size": int} for part in _PARTS}}
"""The shape of what `imager sizes` measures, as far as it is told."""


def largest_parts(measured: dict[str, Any]) -> str:
    """Return a line with the largest parts of the system that `imager sizes` measured."""
    kinds = [{"name": name, "size": measured[kind]["size"]} for kind, name in _PARTS.items()]
    rows = sorted([*measured["packages"], *kinds], key=lambda row: (-row["size"], row["name"]))[:_TOP]
    shown = ", ".join(
        f"{row['name']} {memory.format_size(row['size'])}" for row in rows if row["size"] >= _MEBIBYTE // 10
    )
    return f"the largest parts, unpacked: {shown} (`--target report` shows all of them)"
