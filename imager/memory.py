"""An estimate of the memory that an image needs to boot.

The constants come from measurements with a Debian system of 566 MB. It booted with 1400 MB of memory unpacked and with
600 MB in overlay mode, and failed with 5 % less (bench/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MEBIBYTE = 1 << 20
_EARLY = 128 * _MEBIBYTE
"""Used by the kernel and UEFI firmware before unpacking the initramfs: 106 MB with OVMF and 560 MB of RAM."""
_RUNNING = 112 * _MEBIBYTE
"""Used by a running system in addition to its files."""
_COPYING = 80 * _MEBIBYTE
"""Used by firmware and kernel while init copies layers to memory: 70 MB with OVMF and 216 MB of RAM."""
LEFT = 64 * _MEBIBYTE
"""What init wants to be free after each layer that it copies: REST of init/copy.c."""
_PAGE_SHARE = 64
"""For each page of memory, the kernel holds this part of its size: 64 bytes of 4096."""
_FIRMWARE = 168 * _MEBIBYTE
"""Used by UEFI firmware and the kernel in addition to the UKI: 80 to 140 MB with OVMF (docs/internals/memory.md)."""
_FILE = 3 << 10
"""Used by a file in a tmpfs in addition to its content: the inode and, on average, half of the last page."""
TMPFS, OVERLAY = "tmpfs", "overlay"


def unpacked_size(size: int, files: int) -> int:
    """Return the bytes of memory for `files` files with `size` bytes of content in a tmpfs."""
    return size + files * _FILE


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the boot, and what has to be in memory then: bytes by what they hold."""

    name: str
    held: Mapping[str, int]

    @property
    def size(self) -> int:
        """The bytes of memory that the machine needs then."""
        return sum(self.held.values())


def moments(mode: str, uki: int, unpacked: int, *, stub_adds: bool, copied: int = 0) -> tuple[Moment, ...]:
    """Return the boot, moment by moment, of a UKI of `uki` bytes whose system has `unpacked` bytes in a tmpfs.

    `stub_adds` says whether the stub adds files to the initramfs (see `imager.requests.packing.Uki`), `copied` what
    init copies from the disk to memory.

    Nearly all of the UKI is the initramfs. The initramfs stays in memory until the kernel has unpacked it: in tmpfs
    mode into a tmpfs, which may use half of the remaining memory, and in overlay mode, still compressed, into a ramfs,
    which may use all of it.

    Before that, the firmware holds the UKI that it loaded, and the kernel copies the initramfs. The kernel first
    decompresses itself to a random address, so the copy must fit on either side of that address. If the stub adds
    files to the initramfs, it copies both.

    A system that init copies from the disk is there twice at no moment, but init wants room for the first programs.
    """
    adding = {"copy of the stub, to add files": uki} if stub_adds else {}
    copies = {"UKI": uki, **adding, "copy of the initramfs": uki, "room for it beside the kernel": uki}
    copies_of_disk = {"copy of the layers on the disk": copied} if copied else {}
    room = {"room that init leaves": LEFT, "firmware and kernel": _COPYING + copied // _PAGE_SHARE}
    copying = (Moment("copying", {"init and drivers": uki, **copies_of_disk, **room}),) if copied else ()
    if mode == OVERLAY:
        filled = {"layers": uki}
        unpacking = {"initramfs": uki, **filled}
    else:
        filled = {"files": unpacked}
        unpacking = {"initramfs": uki, **filled, "the half that no tmpfs gets": unpacked}
    return (
        Moment("loading", {**copies, "firmware and kernel": _FIRMWARE}),
        Moment("unpacking", {**unpacking, "firmware and kernel": _EARLY}),
        *copying,
        Moment("running", {**filled, **copies_of_disk, "running programs and kernel": _RUNNING}),
    )


def required_ram(mode: str, uki: int, unpacked: int, *, stub_adds: bool, copied: int = 0) -> int:
    """Return the minimum memory in bytes to boot: that of the moment that needs most (see `moments`)."""
    return max(moment.size for moment in moments(mode, uki, unpacked, stub_adds=stub_adds, copied=copied))


def missing_for_overlay(modules: Sequence[str], decoders: Sequence[str], compression: str) -> tuple[str, ...]:
    """Return what a kernel lacks for overlay mode, as phrases, from the facts of `imager.report.inspection`."""
    kind = compression.partition(":")[0]
    found = (f"module {', '.join(modules)}",) if modules else ()
    return (*found, f"{kind} in its squashfs") if kind in decoders else found


def describe(mode: str, ram: int, lacks: Sequence[str] = ()) -> str:
    """Describe the mode and the memory it needs; `lacks` says why it is not overlay (`missing_for_overlay`)."""
    why = f" (the kernel has no {' and no '.join(lacks)}, which overlay mode needs)" if lacks else ""
    return f"rootfs mode {mode}{why}: boots with about {format_size(ram)} of RAM"


def format_size(size: int) -> str:
    """Return a number of bytes for people, for example 12.5M."""
    if size < _MEBIBYTE:
        return f"{size / 1024:.1f}K".replace(".0K", "K")
    return f"{size / _MEBIBYTE:.1f}M".replace(".0M", "M")
