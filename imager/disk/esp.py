"""The EFI system partition: a FAT file system with one program, written around it.

Everything but the program's own bytes is computed here, so the program is copied once, to its final
place, which is aligned. Reference: Microsoft "FAT32 File System Specification" 1.03.

The number of clusters alone decides what kind of FAT a file system is: FAT16 below 65,525, FAT32 from
there. Firmware does not boot a FAT32 that is too small, so both are written.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imager.core import clock, output
from imager.core.errors import ImagerError

SECTOR = 512
PROGRAM_NAMES = {"amd64": "BOOTX64.EFI", "arm64": "BOOTAA64.EFI"}
"""The program that firmware starts from a medium (UEFI specification 3.5.1.1), in /EFI/BOOT."""
FILE_LIMIT = (1 << 32) - (1 << 16)
"""The size of a file has 32 bits, and programs count its whole clusters with 32 bits too."""
_MEBIBYTE = 1 << 20
_HEADROOM = _MEBIBYTE
"""Free space, so that a file can be added by hand."""
_FAT32_CLUSTERS = 65_525 + 16
_FAT16_CLUSTERS = 4_085 + 16
"""The least, and 16 more: the specification advises so, because many readers count wrongly."""
_ROOT16 = 512
"""Entries of the root directory of a FAT16."""
_DIRECTORY, _VOLUME = 0x10, 0x08
_END16, _END32 = 0xFFFF, 0x0FFFFFFF


@dataclass(frozen=True)
class Esp:
    """A finished layout in bytes from the start of the partition; gaps are zeros."""

    size: int
    pieces: tuple[tuple[int, bytes], ...]
    program: int
    """Where the program's bytes belong."""


@dataclass(frozen=True)
class _Geometry:
    """How a FAT of `bits` is divided; all numbers are sectors but `clusters` and `cluster_bytes`."""

    bits: int
    total: int
    per_cluster: int
    reserved: int
    fat: int
    root: int
    clusters: int

    @property
    def data(self) -> int:
        """The sector of cluster 2, the first one."""
        return self.reserved + 2 * self.fat + self.root

    def offset(self, cluster: int) -> int:
        """Give the byte at which `cluster` starts."""
        return (self.data + (cluster - 2) * self.per_cluster) * SECTOR


def plan(*, size: int, architecture: str, label: str, volume_id: int, start: int, epoch: int) -> Esp:
    """Lay out a partition for a program of `size` bytes; `start` is its first sector on the disk.

    `label` is what `fat_label` gives.
    """
    if size > FILE_LIMIT:
        raise ImagerError(
            f"the EFI program has {size} bytes, but a file on an EFI system partition must be smaller "
            "than 4 GiB: make the system smaller"
        )
    shape = _geometry(size)
    step = shape.per_cluster * SECTOR
    # FAT32 keeps its root directory in cluster 2; then /EFI, /EFI/BOOT, and the aligned program.
    efi = 3 if shape.bits == 32 else 2
    boot = efi + 1
    first = boot + 1
    while shape.offset(first) % output.ALIGNMENT:
        first += 1
    count = -(-size // step)
    root_at = shape.offset(2) if shape.bits == 32 else (shape.reserved + 2 * shape.fat) * SECTOR
    root = _entry(label, _VOLUME, 0, 0, epoch) + _entry("EFI", _DIRECTORY, efi, 0, epoch)
    table = _table(shape, boot, first, count)
    used = boot - 1 + count
    return Esp(
        size=shape.total * SECTOR,
        pieces=(
            *_boot_sectors(shape, label, volume_id, start, used, first + count),
            (shape.reserved * SECTOR, table),
            ((shape.reserved + shape.fat) * SECTOR, table),
            (root_at, root),
            (shape.offset(efi), _dots(efi, 0, epoch) + _entry("BOOT", _DIRECTORY, boot, 0, epoch)),
            (
                shape.offset(boot),
                _dots(boot, efi, epoch) + _entry(PROGRAM_NAMES[architecture], 0x20, first, size, epoch),
            ),
        ),
        program=shape.offset(first),
    )


def fat_label(label: str) -> str:
    """Check a volume label and give it as FAT stores it, in capitals."""
    allowed = label.isascii() and label.isprintable() and not set(label) & set('"*+,./:;<=>?[\\]|')
    if not label.strip() or not allowed or len(label) > 11:
        raise ImagerError(
            f"the label {label!r} does not fit a FAT file system: use 1 to 11 letters, digits, spaces, '-' or '_'"
        )
    return label.upper()


def _geometry(size: int) -> _Geometry:
    """Choose FAT32 with the biggest clusters that leave enough of them; FAT16 when none do."""
    content = size + _HEADROOM
    for per_cluster in (64, 32, 16, 8, 4, 2, 1):
        shape = _shape(32, content, per_cluster)
        if shape.clusters >= _FAT32_CLUSTERS:
            return shape
    shape = _shape(16, content, 8)
    if shape.clusters < _FAT16_CLUSTERS:
        shape = _shape(16, content, 1)
    # The smallest FAT16; FAT12 would be one more case for systems that do not exist.
    return shape if shape.clusters >= _FAT16_CLUSTERS else _shape(16, _FAT16_CLUSTERS * SECTOR, 1)


def _shape(bits: int, content: int, per_cluster: int) -> _Geometry:
    """Divide a whole number of MiB that holds `content` bytes and what surrounds them."""
    root = 0 if bits == 32 else _ROOT16 * 32 // SECTOR
    total = -(-(content + content // 64 + _MEBIBYTE // 2) // _MEBIBYTE) * _MEBIBYTE // SECTOR
    # One entry per cluster and two more; the estimate ignores that FATs take clusters away.
    fat = -(-(total // per_cluster + 2) * bits // 8 // SECTOR) + 1
    # Reserved sectors make the first cluster start at a multiple of it.
    least = 32 if bits == 32 else 1
    reserved = least + -(least + 2 * fat + root) % (output.ALIGNMENT // SECTOR)
    clusters = (total - reserved - 2 * fat - root) // per_cluster
    return _Geometry(bits, total, per_cluster, reserved, fat, root, clusters)


def _table(shape: _Geometry, boot: int, first: int, count: int) -> bytes:
    """Give the file allocation table: directories of one cluster up to `boot`, the program in a row."""
    end = _END32 if shape.bits == 32 else _END16
    entries = [0] * (first + count)
    entries[0] = end & ~0xFF | 0xF8
    entries[1] = end
    entries[2 : boot + 1] = [end] * (boot - 1)
    entries[first:] = [*range(first + 1, first + count), end] if count else []
    return struct.pack(f"<{len(entries)}{'I' if shape.bits == 32 else 'H'}", *entries)


def _boot_sectors(
    shape: _Geometry, label: str, volume_id: int, start: int, used: int, free: int
) -> tuple[tuple[int, bytes], ...]:
    """Give the boot sector, and for FAT32 its copy and the count of free clusters (twice)."""
    wide = shape.bits == 32
    small = not wide and shape.total < 0x10000
    parameters = struct.pack(
        "<3s8sHBHBHHBHHHII",
        b"\xeb\x58\x90" if wide else b"\xeb\x3c\x90",
        b"MSWIN4.1",  # the name that the specification recommends, for old readers
        SECTOR,
        shape.per_cluster,
        shape.reserved,
        2,
        0 if wide else _ROOT16,
        shape.total if small else 0,
        0xF8,
        0 if wide else shape.fat,
        63,
        255,
        start,
        0 if small else shape.total,
    )
    if wide:
        parameters += struct.pack("<IHHIHH12x", shape.fat, 0, 0, 2, 1, 6)
    kind = b"FAT32   " if wide else b"FAT16   "
    parameters += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, volume_id, label.ljust(11).encode(), kind)
    sector = parameters.ljust(510, b"\0") + b"\x55\xaa"
    if not wide:
        return ((0, sector),)
    info = struct.pack("<4s480x4sII12x4s", b"RRaA", b"rrAa", shape.clusters - used, free, b"\0\0\x55\xaa")
    return ((0, sector), (SECTOR, info), (6 * SECTOR, sector), (7 * SECTOR, info))


def _entry(name: str, attributes: int, cluster: int, size: int, epoch: int) -> bytes:
    """Encode a directory entry; `name` is in capitals and fits 8.3."""
    if attributes == _VOLUME or name.startswith("."):
        stored = name.ljust(11)
    else:
        stem, _, extension = name.partition(".")
        stored = stem.ljust(8) + extension.ljust(3)
    date, time = clock.fat(epoch)
    return struct.pack(
        "<11sBBBHHHHHHHI",
        stored.encode(),
        attributes,
        0,
        0,
        time,
        date,
        date,
        cluster >> 16,
        time,
        date,
        cluster & 0xFFFF,
        size,
    )


def _dots(own: int, parent: int, epoch: int) -> bytes:
    return _entry(".", _DIRECTORY, own, 0, epoch) + _entry("..", _DIRECTORY, parent, 0, epoch)
