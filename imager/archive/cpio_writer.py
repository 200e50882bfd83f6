"""Write entries of a system to a cpio archive for the kernel to unpack."""

from __future__ import annotations

import os
import stat
from collections import Counter
from typing import TYPE_CHECKING

from imager.archive import cpio
from imager.archive.batch_writer import BatchWriter
from imager.core import clock, sparse
from imager.core.sparse import Condensed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imager.archive.compress import Sink
    from imager.core.sparse import Ranges
    from imager.rootfs.tree import Entry


def count_links(entries: Iterable[Entry]) -> Counter[tuple[int, int]]:
    """Count the shipped names of every file with several names; names outside of the image do not count."""
    return Counter(entry.identity for entry in entries if entry.nlink > 1 and entry.is_file)


class CpioWriter:
    """Writes entries one after the other; the bytes do not depend on the disk that holds the system.

    `condensed` collects the size and the ranges with data of files that were written without their holes.
    """

    def __init__(self, sink: Sink, epoch: int, links: Counter[tuple[int, int]]) -> None:
        self.condensed: dict[str, Condensed] = {}
        self._writer = BatchWriter(sink)
        self._epoch = epoch
        self._links = links
        self._left = Counter(links)
        self._shared: dict[tuple[int, int], int] = {}
        self._inodes = 0

    def add(self, entry: Entry) -> None:
        """Write one entry with its data; if a file has several names, the last one carries the data."""
        if stat.S_ISLNK(entry.mode):
            self.add_data(entry, os.readlink(entry.source))  # noqa: PTH115 - Path would tidy the target
            return
        ranges = self._ranges(entry) if entry.is_file else ()
        if entry.identity in self._links and entry.is_file:
            self._left[entry.identity] -= 1
            if self._left[entry.identity]:
                ranges = ()
        size = sparse.total(ranges)
        self._head(entry, size)
        if size:
            self._writer.put_file(entry.source, ranges)
            self._writer.put(cpio.padding(size))

    def add_data(self, entry: Entry, data: bytes) -> None:
        """Write one entry with `data`."""
        self._head(entry, len(data))
        self._writer.put(data + cpio.padding(len(data)))

    def close(self) -> None:
        """End the archive."""
        self._writer.put(cpio.TRAILER)
        self._writer.flush()

    def _ranges(self, entry: Entry) -> Ranges:
        """Return the data of a file. If it has holes, each of its names is noted as `condensed`."""
        if entry.size < sparse.BLOCK:
            return ((0, entry.size),)
        ranges = sparse.ranges_of(entry.source, entry.size)
        if sparse.total(ranges) < entry.size:
            self.condensed[os.fsdecode(entry.path)] = Condensed(entry.size, ranges)
        return ranges

    def _head(self, entry: Entry, size: int) -> None:
        device = stat.S_ISCHR(entry.mode) or stat.S_ISBLK(entry.mode)
        self._writer.put(
            cpio.header(
                entry.path,
                ino=self._inode(entry),
                mode=entry.mode,
                uid=entry.uid,
                gid=entry.gid,
                nlink=self._links.get(entry.identity, 1) if entry.is_file else 1,
                mtime=clock.clamp(entry.mtime, self._epoch),
                size=size,
                rdev=(os.major(entry.rdev), os.minor(entry.rdev)) if device else (0, 0),
            )
        )

    def _inode(self, entry: Entry) -> int:
        if entry.identity not in self._links:
            self._inodes += 1
            return self._inodes
        if entry.identity not in self._shared:
            self._inodes += 1
            self._shared[entry.identity] = self._inodes
        return self._shared[entry.identity]
