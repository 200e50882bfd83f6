"""What a machine wrote to a disk, in its order, and what is left of it after a power cut at any moment.

QEMU records it in the format of dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst). What was
written before the last flush is on the disk. Of what was written since, a disk with a cache has any part: it writes in
an order of its own, sector by sector.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import BinaryIO

SECTOR = 512
_MAGIC = 0x6A736677736872
_FLUSH, _FUA, _DISCARD = 1, 2, 4


@dataclass(frozen=True)
class Entry:
    """A write of `size` bytes to byte `offset` of the disk, whose data is at `data` of the log; or only a flush."""

    offset: int
    size: int
    data: int
    flush: bool
    lasting: bool


def entries(log: Path) -> list[Entry]:
    """Read a log. Raises ValueError for a file that is none."""
    found = []
    with log.open("rb") as file:
        magic, _, count, sector = struct.unpack("<QQQI", file.read(28))
        if magic != _MAGIC or sector != SECTOR:
            raise ValueError(f"{log} is no log of writes")
        at = SECTOR
        for _ in range(count):
            file.seek(at)
            first, sectors, flags, _ = struct.unpack("<QQQQ", file.read(32))
            at += SECTOR
            size = 0 if flags & _DISCARD else sectors * SECTOR
            found.append(Entry(first * SECTOR, size, at, bool(flags & _FLUSH), bool(flags & _FUA)))
            at += size
    return found


@dataclass(frozen=True)
class Recording:
    """A disk as it was before, and the log of what was written to it since."""

    before: Path
    log: Path

    def cuts(self, points: int, random: Random, scratch: Path) -> Iterator[tuple[int, Path]]:
        """Yield so many power cuts: after how many entries, and the disk, which the next one replaces.

        The first two are before and after everything.
        """
        found = entries(self.log)
        inner = sorted(random.sample(range(1, len(found)), min(points - 2, len(found) - 1)))
        lasting, disk = scratch / "lasting.img", scratch / "cut.img"
        shutil.copyfile(self.before, lasting)
        done = 0
        with self.log.open("rb") as log:
            for point in (0, *inner, len(found)):
                end = _lasting(found, point)
                _apply(log, found[done:end], lasting)
                done = max(done, end)
                shutil.copyfile(lasting, disk)
                _apply(log, [each if each.lasting else _part(each, random) for each in found[done:point]], disk)
                yield point, disk


def _lasting(found: list[Entry], point: int) -> int:
    """Return how many entries are on the disk for sure after `point` of them."""
    return next((number + 1 for number in reversed(range(point)) if found[number].flush), 0)


def _part(each: Entry, random: Random) -> Entry:
    """Return what a disk has of a write that it was not yet told to keep: all, nothing, or its first sectors."""
    sectors = each.size // SECTOR
    return replace(each, size=random.choice((0, sectors, random.randint(0, sectors))) * SECTOR)


def _apply(log: BinaryIO, wanted: list[Entry], disk: Path) -> None:
    with disk.open("r+b") as file:
        for each in wanted:
            log.seek(each.data)
            file.seek(each.offset)
            file.write(log.read(each.size))
