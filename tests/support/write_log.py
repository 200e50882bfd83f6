"""What a machine wrote to a disk, in its order, and what is left of it after a power cut at any moment.

QEMU records it in the format of dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst). What was
written before the last flush is on the disk. Of what was written since, a disk with a cache has any part: it writes in
an order of its own, sector by sector.
"""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import BinaryIO

from tests.support.engine import unavailable
from tests.support.vm import require_tool

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
    flushes: Path | None = None
    """Where it is there, only after these numbers of entries was anything flushed: a file system in user space also
    flushes when somebody closes a file, and a disk does not."""

    def entries(self) -> list[Entry]:
        """Read the log."""
        found = entries(self.log)
        if self.flushes is None:
            return found
        real = {int(line) for line in self.flushes.read_text().split()}
        return [replace(each, flush=number in real) for number, each in enumerate(found, 1)]

    def cuts(self, points: int, random: Random, scratch: Path, since: int = 0) -> Iterator[tuple[int, Path]]:
        """Yield so many power cuts: after how many entries, and the disk, which the next one replaces.

        The first and the last are before and after everything `since` so many entries. Between two flushes there are as
        many as between any other two: most writes are of one kind, and what matters is done by few.
        """
        found = self.entries()
        inner = sorted(since + _point(found[since:], random) for _ in range(points - 2))
        lasting, disk = scratch / "lasting.img", scratch / "cut.img"
        _copy(self.before, lasting)
        done = 0
        with self.log.open("rb") as log:
            for point in (since, *inner, len(found)):
                end = _lasting(found, point)
                _apply(log, found[done:end], lasting)
                done = max(done, end)
                _copy(lasting, disk)
                _apply(log, [part for each in found[done:point] for part in _parts(each, random)], disk)
                yield point, disk


def _copy(disk: Path, to: Path) -> None:
    """Copy a disk. What is zeros takes neither space nor time."""
    subprocess.run(("cp", "--sparse=always", disk, to), check=True)


def _point(found: list[Entry], random: Random) -> int:
    """Return a number of entries: a stretch between two flushes, and a place in it."""
    ends = [0, *(number + 1 for number, each in enumerate(found) if each.flush), len(found)]
    stretch = random.choice([(start, end) for start, end in pairwise(ends) if start < end])
    return random.randint(*stretch)


def _lasting(found: list[Entry], point: int) -> int:
    """Return how many entries are on the disk for sure after `point` of them."""
    return next((number + 1 for number in reversed(range(point)) if found[number].flush), 0)


def _parts(each: Entry, random: Random) -> list[Entry]:
    """Return what a disk has of a write that it was not yet told to keep: all, nothing, its first or any sectors."""
    sectors = each.size // SECTOR
    if each.lasting or random.random() < 0.25:
        return [each]
    if random.random() < 0.5:
        return [replace(each, size=random.choice((0, random.randint(0, sectors))) * SECTOR)]
    kept = [at * SECTOR for at in range(sectors) if random.random() < 0.5]
    return [replace(each, offset=each.offset + at, data=each.data + at, size=SECTOR) for at in kept]


def _apply(log: BinaryIO, wanted: list[Entry], disk: Path) -> None:
    with disk.open("r+b") as file:
        for each in wanted:
            log.seek(each.data)
            file.seek(each.offset)
            file.write(log.read(each.size))


def note_flushes(recording: Recording) -> str:
    """Return a function for shell scripts, which notes what dd(1) flushes."""
    count = f'od -An -tu8 -j16 -N8 "{recording.log}" >>"{recording.flushes}"'
    return f'dd() {{ command dd "$@" || return; case $* in *fsync*) {count} ;; esac; }}'


@contextmanager
def recorded(place: Path, size: int, scratch: Path) -> Iterator[Recording]:
    """Let the file `place` be a disk of zeros for a `with` block, and yield the recording of what is written to it.

    Whoever writes says what was flushed: see `note_flushes`.
    """
    require_tool("qemu-storage-daemon")
    flushes = scratch / "flushes"
    recording = Recording(scratch / "before.img", scratch / "writes.log", flushes)
    disk = scratch / "disk.img"
    for file in (recording.before, disk):
        with file.open("wb") as made:
            made.truncate(size)
    for file in (recording.log, flushes, place):
        file.touch()
    nodes = (f"driver=file,node-name=disk,filename={disk}", f"driver=file,node-name=log,filename={recording.log}")
    logged = f"driver=blklogwrites,node-name=logged,file=disk,log=log,log-sector-size={SECTOR}"
    export = f"type=fuse,id=export,node-name=logged,mountpoint={place},writable=on"
    options = [word for node in (*nodes, logged) for word in ("--blockdev", node)]
    with subprocess.Popen(["qemu-storage-daemon", *options, "--export", export]) as daemon:
        try:
            while place.stat().st_size != size:
                if daemon.poll() is not None:
                    unavailable("qemu-storage-daemon cannot export a disk: it needs /dev/fuse, and root")
                time.sleep(0.02)
            yield recording
        finally:
            daemon.terminate()
            daemon.wait(60)
