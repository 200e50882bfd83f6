"""The memory that booting an image needs: an estimate.

Its constants were measured with a Debian system of 566 MB, which booted with 1400 MB unpacked and 600 MB in overlay
mode, but not with less than these by a twentieth (bench/README.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEBIBYTE = 1 << 20
_EARLY = 128 * _MEBIBYTE
"""What the kernel and UEFI firmware have taken when the initramfs is unpacked: 106 MB with OVMF and 560 MB of RAM."""
_RUNNING = 112 * _MEBIBYTE
"""What a system has taken when it is up, beside its files."""
_FIRMWARE = 168 * _MEBIBYTE
"""What UEFI firmware and the kernel's program take beside a UKI: 80 to 140 MB with OVMF (docs/internals/memory.md)."""
_FILE = 3 << 10
"""What a file in a tmpfs takes beside its content: its inode, and on average half of its last page."""
TMPFS, OVERLAY = "tmpfs", "overlay"


def unpacked_size(size: int, files: int) -> int:
    """Give the bytes that so many `files` with `size` bytes of content take in a tmpfs."""
    return size + files * _FILE


def need(mode: str, uki: int, unpacked: int, *, os_release: bool) -> int:
    """Give the least memory in bytes with which a UKI of `uki` bytes boots; `unpacked` is that of its system.

    `os_release`: whether it has a section with one.

    The initramfs, nearly all of the UKI, stays in memory until it is unpacked into a tmpfs that may have half of what
    is left beside it; in overlay mode, the compressed system into a ramfs, which may have all.

    Before that, the firmware holds the UKI as it loaded it, and the kernel takes a copy of the initramfs. It first
    decompresses itself to an address by chance, so there must be room for that copy on either side of it. And when
    the stub has something to add to the initramfs, as an os-release is (systemd-stub(7)), it makes a copy of both.
    """
    held = 4 * uki if os_release else 3 * uki
    unpacking = 2 * uki if mode == OVERLAY else uki + 2 * unpacked
    running = uki if mode == OVERLAY else unpacked
    return max(unpacking + _EARLY, running + _RUNNING, held + _FIRMWARE)


def lacking(modules: Sequence[str], decoders: Sequence[str], compression: str) -> tuple[str, ...]:
    """Say what a kernel lacks for overlay mode, given what it lacks as such (see `imager.report.inspection`)."""
    kind = compression.partition(":")[0]
    found = (f"module {', '.join(modules)}",) if modules else ()
    return (*found, f"{kind} in its squashfs") if kind in decoders else found


def told(mode: str, ram: int, lacks: Sequence[str] = ()) -> str:
    """Say how a system is kept in memory, and how much that takes; `lacks`: why it is so (see `lacking`)."""
    why = f" (the kernel has no {' and no '.join(lacks)}, which overlay needs)" if lacks else ""
    return f"rootfs mode {mode}{why}: boots with about {shown(ram)} of RAM"


def shown(size: int) -> str:
    """Give a number of bytes for people, such as 12.5M."""
    if size < _MEBIBYTE:
        return f"{size / 1024:.1f}K".replace(".0K", "K")
    return f"{size / _MEBIBYTE:.1f}M".replace(".0M", "M")
