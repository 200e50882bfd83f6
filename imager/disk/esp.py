"""The EFI system partition: a FAT file system around a single program, and small files if a loader needs any.

The same for the partition of updates, which is empty.

This module computes everything except the program's own bytes, so the program is copied once, to its final, aligned
place. Reference: Microsoft "FAT32 File System Specification" 1.03.

The number of clusters alone determines the type of FAT: FAT16 below 65,525 clusters, FAT32 from there on. Firmware does
not boot a FAT32 that is too small, so this module writes both types.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.errors import ImagerError
from imager.disk.fat_tree import VOLUME, Placed, Tree, entry

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTOR = 512
PROGRAM_NAMES = {"amd64": "BOOTX64.EFI", "arm64": "BOOTAA64.EFI"}
"""The program in /EFI/BOOT that firmware starts from a medium (UEFI specification 3.5.1.1)."""
FILE_LIMIT = (1 << 32) - (1 << 16)
"""The size of a file has 32 bits, and programs also count all of its clusters with 32 bits."""
_MEBIBYTE = 1 << 20
_HEADROOM = _MEBIBYTE
"""Free space for adding a file by hand."""
_FAT32_CLUSTERS = 65_525 + 16
_FAT16_CLUSTERS = 4_085 + 16
"""The minimum plus 16; the specification recommends this because many readers count incorrectly."""
_PER_CLUSTER = (64, 32, 16, 8, 4, 2, 1)
EMPTY_LEAST = 64 * _MEBIBYTE
_ROOT16 = 512
"""The number of entries in the root directory of a FAT16."""
_END16, _END32 = 0xFFFF, 0x0FFFFFFF


@dataclass(frozen=True)
class Esp:
    """A finished layout in bytes from the start of the partition; gaps are zeros."""

    size: int
    pieces: tuple[tuple[int, bytes], ...]
    program: int
    """The position of the program's bytes."""


@dataclass(frozen=True)
class _Geometry:
    """The parts of a FAT with `bits`; all numbers except `clusters` are in sectors."""

    bits: int
    total: int
    per_cluster: int
    reserved: int
    fat: int
    root: int
    clusters: int

    @property
    def end(self) -> int:
        """The mark of the last cluster of a file."""
        return _END32 if self.bits == 32 else _END16

    @property
    def data(self) -> int:
        """The sector of cluster 2, the first one."""
        return self.reserved + 2 * self.fat + self.root

    @property
    def root_at(self) -> int:
        """The position of the root directory in bytes."""
        return self.offset(2) if self.bits == 32 else (self.reserved + 2 * self.fat) * SECTOR

    def offset(self, cluster: int) -> int:
        """Return the position of `cluster` in bytes."""
        return (self.data + (cluster - 2) * self.per_cluster) * SECTOR


def plan(
    *,
    size: int,
    program: str,
    label: str,
    volume_id: int,
    start: int,
    epoch: int,
    files: Mapping[str, bytes] | None = None,
) -> Esp:
    """Return the layout of a partition for a program of `size` bytes; `start` is its first sector on the disk.

    `program` is its path, `label` comes from `fat_label`, and `files` are small files by their paths.
    """
    if size > FILE_LIMIT:
        raise ImagerError(
            f"the EFI program has {size} bytes, but a file on an EFI system partition must be smaller "
            "than 4 GiB: make the system smaller"
        )
    files = files or {}
    shape = _geometry(size + sum(map(len, files.values())))
    step = shape.per_cluster * SECTOR
    # The root directory of FAT32 is in cluster 2. Next come /EFI, /EFI/BOOT, and the aligned program.
    efi = 3 if shape.bits == 32 else 2
    boot = efi + 1
    first = boot + 1
    while shape.offset(first) % output.ALIGNMENT:
        first += 1
    count = -(-size // step)
    tree = Tree(first + count, step, shape.end, epoch, {"EFI": efi, "EFI/BOOT": boot})
    tree.add({program: Placed(first, size), **files})
    table = _table(shape, boot, first, count, tree.chains)
    used = boot - 1 + count + len(tree.chains)
    free = first + count + len(tree.chains)
    return Esp(
        size=shape.total * SECTOR,
        pieces=(
            *_boot_sectors(shape, label, volume_id=volume_id, start=start, used=used, free=free),
            (shape.reserved * SECTOR, table),
            ((shape.reserved + shape.fat) * SECTOR, table),
            (shape.root_at, _volume(label, epoch) + tree.entries),
            *((shape.offset(cluster), data) for cluster, data in tree.content),
        ),
        program=shape.offset(first),
    )


def empty(*, size: int, label: str, volume_id: int, start: int, epoch: int) -> Esp:
    """Return the layout of an empty FAT32 of `size` bytes, a whole number of MiB and at least `EMPTY_LEAST`."""
    shape = next(
        found for each in _PER_CLUSTER if (found := _divide(32, size // SECTOR, each)).clusters >= _FAT32_CLUSTERS
    )
    table = _table(shape, 2, 3, 0, [])
    return Esp(
        size=size,
        pieces=(
            *_boot_sectors(shape, label, volume_id=volume_id, start=start, used=1, free=3),
            (shape.reserved * SECTOR, table),
            ((shape.reserved + shape.fat) * SECTOR, table),
            (shape.root_at, _volume(label, epoch)),
        ),
        program=0,
    )


def program_path(architecture: str) -> str:
    """Return where firmware looks for a program on a medium."""
    return f"EFI/BOOT/{PROGRAM_NAMES[architecture]}"


def fat_label(label: str) -> str:
    """Return a volume label in capitals, as FAT stores it; raises ImagerError if the label is invalid."""
    allowed = label.isascii() and label.isprintable() and not set(label) & set('"*+,./:;<=>?[\\]|')
    if not label.strip() or not allowed or len(label) > 11:
        raise ImagerError(
            f"the label {label!r} does not fit a FAT file system: use 1 to 11 letters, digits, spaces, '-' or '_'"
        )
    return label.upper()


def _geometry(size: int) -> _Geometry:
    """Choose FAT32 with the largest clusters that give enough clusters, or else FAT16."""
    content = size + _HEADROOM
    for per_cluster in _PER_CLUSTER:
        shape = _shape(32, content, per_cluster)
        if shape.clusters >= _FAT32_CLUSTERS:
            return shape
    shape = _shape(16, content, 8)
    if shape.clusters < _FAT16_CLUSTERS:
        shape = _shape(16, content, 1)
    # The smallest FAT16: supporting FAT12 too would help no real system.
    return shape if shape.clusters >= _FAT16_CLUSTERS else _shape(16, _FAT16_CLUSTERS * SECTOR, 1)


def _shape(bits: int, content: int, per_cluster: int) -> _Geometry:
    """Return a file system of a whole number of MiB that holds `content` bytes and its own structures."""
    return _divide(bits, -(-(content + content // 64 + _MEBIBYTE // 2) // _MEBIBYTE) * _MEBIBYTE // SECTOR, per_cluster)


def _divide(bits: int, total: int, per_cluster: int) -> _Geometry:
    """Return a file system of `total` sectors."""
    root = 0 if bits == 32 else _ROOT16 * 32 // SECTOR
    # One entry per cluster and two more; the estimate ignores the clusters that the FATs themselves replace.
    fat = -(-(total // per_cluster + 2) * bits // 8 // SECTOR) + 1
    # Reserved sectors align the first cluster.
    least = 32 if bits == 32 else 1
    reserved = least + -(least + 2 * fat + root) % (output.ALIGNMENT // SECTOR)
    clusters = (total - reserved - 2 * fat - root) // per_cluster
    return _Geometry(bits, total, per_cluster, reserved, fat, root, clusters)


def _table(shape: _Geometry, boot: int, first: int, count: int, more: list[int]) -> bytes:
    """Return the file allocation table: one-cluster directories to `boot`, then the program in one run, then `more`."""
    end = shape.end
    entries = [0] * (first + count)
    entries[0] = end & ~0xFF | 0xF8
    entries[1] = end
    entries[2 : boot + 1] = [end] * (boot - 1)
    entries[first:] = [*range(first + 1, first + count), end] if count else []
    entries += more
    return struct.pack(f"<{len(entries)}{'I' if shape.bits == 32 else 'H'}", *entries)


def _boot_sectors(
    shape: _Geometry, label: str, *, volume_id: int, start: int, used: int, free: int
) -> tuple[tuple[int, bytes], ...]:
    """Return the boot sector, and for FAT32 its copy and two copies of the count of free clusters."""
    wide = shape.bits == 32
    small = not wide and shape.total < 0x10000
    parameters = struct.pack(
        "<3s8sHBHBHHBHHHII",
        b"\xeb\x58\x90" if wide else b"\xeb\x3c\x90",
        b"MSWIN4.1",  # the name that the specification recommends for compatibility
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
    parameters += struct.pack("<BBBI", 0x80, 0, 0x29, volume_id) + label.ljust(11).encode() + kind
    sector = parameters.ljust(510, b"\0") + b"\x55\xaa"
    if not wide:
        return ((0, sector),)
    info = struct.pack("<4s480x4sII12x4s", b"RRaA", b"rrAa", shape.clusters - used, free, b"\0\0\x55\xaa")
    return ((0, sector), (SECTOR, info), (6 * SECTOR, sector), (7 * SECTOR, info))


def _volume(label: str, epoch: int) -> bytes:
    return entry(label.ljust(11).encode(), VOLUME, 0, 0, epoch)
