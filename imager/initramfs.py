"""A system and our init as a cpio archive that the kernel unpacks."""

from __future__ import annotations

import os
import stat
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from imager import clock, cpio, output, tree, xattrs
from imager.compress import Compression, Sink, compressing
from imager.errors import ImagerError

if TYPE_CHECKING:
    from imager.contract import Initramfs
    from imager.tree import Entry

_SMALL = 1 << 16
"""Files up to this size are batched in memory; bigger ones are spliced."""
_BATCH = 1 << 20


def run(request: Initramfs) -> None:
    """Write the archive."""
    compression = Compression.parse(request.compression)
    init = Path(request.init)
    if not Path(request.system).is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    if not init.is_file():
        raise ImagerError(f"the init program {request.init} is not a file")
    with (
        output.writing(request.output, request.epoch) as fd,
        compressing(compression, fd) as sink,
    ):
        pack(os.fsencode(request.system), os.fsencode(init), sink, request.epoch)


def pack(system: bytes, init: bytes, sink: Sink, epoch: int) -> None:
    """Send the archive of `system` to `sink`."""
    archive = Archive(sink, epoch, _links(system))
    archive.add(tree.made(tree.PRIVATE, stat.S_IFDIR | 0o700))
    # First, so that it can say so when memory does not suffice for the rest.
    archive.add(tree.made(b"init", stat.S_IFREG | 0o755, source=init, size=Path(os.fsdecode(init)).stat().st_size))
    attributes = bytearray()
    for entry in tree.walk(system):
        archive.add(entry)
        if entry.source:
            path = b"/" if entry.path == b"." else b"/" + entry.path
            attributes += xattrs.records(path, entry.source)
    # Last, and always there: what tells init that all was unpacked.
    archive.add_data(tree.made(tree.PRIVATE + b"/xattrs", stat.S_IFREG | 0o600), bytes(attributes))
    archive.close()


def _links(system: bytes) -> Counter[tuple[int, int]]:
    """Count the shipped names of every file that has several; names elsewhere do not count."""
    return Counter(entry.identity for entry in tree.walk(system) if entry.nlink > 1 and stat.S_ISREG(entry.mode))


class Archive:
    """Writes entries one after the other; nothing in it depends on the disk they come from."""

    def __init__(self, sink: Sink, epoch: int, links: Counter[tuple[int, int]]) -> None:
        self._sink = sink
        self._epoch = epoch
        self._links = links
        self._left = Counter(links)
        self._shared: dict[tuple[int, int], int] = {}
        self._inodes = 0
        self._batch = bytearray()

    def add(self, entry: Entry) -> None:
        """Write one entry with its data; of several names of a file, the last carries the data."""
        if stat.S_ISLNK(entry.mode):
            self.add_data(entry, os.readlink(entry.source))  # noqa: PTH115 - Path would tidy the target
            return
        size = entry.size if stat.S_ISREG(entry.mode) else 0
        if entry.identity in self._links and stat.S_ISREG(entry.mode):
            self._left[entry.identity] -= 1
            if self._left[entry.identity]:
                size = 0
        self._head(entry, size)
        if size:
            self._data(entry, size)

    def add_data(self, entry: Entry, data: bytes) -> None:
        """Write one entry that has `data`."""
        self._head(entry, len(data))
        self._put(data + cpio.padding(len(data)))

    def close(self) -> None:
        """End the archive."""
        self._put(cpio.TRAILER)
        self._flush()

    def _head(self, entry: Entry, size: int) -> None:
        regular = stat.S_ISREG(entry.mode)
        device = stat.S_ISCHR(entry.mode) or stat.S_ISBLK(entry.mode)
        self._put(
            cpio.header(
                entry.path,
                ino=self._inode(entry),
                mode=entry.mode,
                uid=entry.uid,
                gid=entry.gid,
                nlink=self._links.get(entry.identity, 1) if regular else 1,
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

    def _data(self, entry: Entry, size: int) -> None:
        fd = os.open(entry.source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if size <= _SMALL:
                self._put(output.read_at(fd, 0, size) + cpio.padding(size))
            else:
                self._flush()
                self._sink.send(fd, size)
                self._put(cpio.padding(size))
        finally:
            os.close(fd)

    def _put(self, data: bytes) -> None:
        self._batch += data
        if len(self._batch) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            self._sink.write(self._batch)
            self._batch.clear()
