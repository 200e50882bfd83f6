"""A system as a compressed read-only layer, for `rootfs.mode: overlay`: squashfs, in a cpio archive of its own.

The archive is not compressed again. It holds, below `.claylinux/layers`:

    N.img      the file system
    N.xattrs   the attributes that squashfs cannot hold, as our init restores them (docs/architecture.md). It comes
               last and is always there: what tells init that all was unpacked

The program that makes the file system is fed with a tar stream: no tree is copied, and order, times and owners are
ours. Its bytes depend neither on the processors nor on the memory of the builder.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager import clock, cpio, output, tarstream, tools, tree, xattrs
from imager.compress import Compression, Descriptor
from imager.errors import ImagerError
from imager.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imager.contract import Layer
    from imager.tree import Entry

FOLDER = tree.PRIVATE + b"/layers"
_BLOCK = 1 << 18
"""Bytes that are compressed together: see docs/rootfs.md for what other sizes cost."""
_MEMORY = "16M"
"""For the program's buffers; its default is a quarter of the machine's memory."""
_COMPRESSORS = {"gz": "gzip", "lz4": "lz4", "xz": "xz", "zstd": "zstd"}
_LEVELLED = ("gz", "zstd")
_SET_ASIDE = tree.PRIVATE + b"/init.system"
"""The system's own /init: nothing is in its way in a layer."""


def run(request: Layer) -> None:
    """Write the archive."""
    compression = Compression.parse(request.compression)
    system = os.fsencode(request.system)
    if not Path(request.system).is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    name = FOLDER + b"/%d" % request.number
    start = len(cpio.header(name + b".img", ino=1, mode=0))
    with output.writing(request.output, request.epoch) as fd:
        rest = _make(Path(f"{request.output}.part"), start, system, compression, request.epoch)
        end = os.fstat(fd).st_size
        head = cpio.header(name + b".img", ino=1, mode=stat.S_IFREG | 0o600, mtime=request.epoch, size=end - start)
        output.write_at(fd, 0, head)
        tail = cpio.header(name + b".xattrs", ino=2, mode=stat.S_IFREG | 0o600, mtime=request.epoch, size=len(rest))
        tail = cpio.padding(end - start) + tail + rest + cpio.padding(len(rest)) + cpio.TRAILER
        output.write_at(fd, end, tail)


def _make(image: Path, offset: int, system: bytes, compression: Compression, epoch: int) -> bytes:
    """Write a file system at `offset` of the file `image`; give the records of what it cannot hold."""
    argv = _argv(image, offset, system, compression, epoch)
    with Path(os.devnull).open("wb") as quiet, tools.filter_to(argv, quiet.fileno()) as stdin:
        stream = Stream(Feed(Descriptor(stdin)), epoch)
        for entry in tree.walk(system):
            stream.add(entry)
        stream.close()
    return bytes(stream.left)


def _argv(image: Path, offset: int, system: bytes, compression: Compression, epoch: int) -> tuple[str, ...]:
    root = os.lstat(system)
    words = ["mksquashfs", "-", str(image), "-tar", "-noappend"]
    if compression.kind == "none":
        words += ["-no-compression"]
    else:
        words += ["-comp", _COMPRESSORS[compression.kind]]
    if compression.kind in _LEVELLED:
        words += ["-Xcompression-level", str(compression.level)]
    words += ["-root-mode", f"{stat.S_IMODE(root.st_mode):o}", "-root-time", str(clock.clamp(root.st_mtime, epoch))]
    words += ["-root-uid", str(root.st_uid), "-root-gid", str(root.st_gid), "-mkfs-time", "0"]
    words += ["-b", str(_BLOCK), "-mem", _MEMORY, "-offset", str(offset)]
    words += ["-exit-on-error", "-quiet", "-no-progress"]
    return tuple(words)


class Stream:
    """Writes entries as a tar stream. `left` collects the records of attributes that squashfs cannot hold."""

    def __init__(self, feed: Feed, epoch: int) -> None:
        self.left = bytearray()
        self._feed = feed
        self._epoch = epoch
        self._first: dict[tuple[int, int], bytes] = {}

    def add(self, entry: Entry) -> None:
        """Write one entry with its data; the first of several names of a file has them."""
        if entry.path == b".":  # made by the program itself
            self.left += xattrs.records(b"/", entry.source)
            return
        if entry.path == _SET_ASIDE:
            entry = entry._replace(path=b"init")
        link = os.readlink(entry.source) if stat.S_ISLNK(entry.mode) else b""  # noqa: PTH115 - Path would tidy it
        size = entry.size if stat.S_ISREG(entry.mode) else 0
        if entry.nlink > 1 and stat.S_ISREG(entry.mode):
            link = self._first.setdefault(entry.identity, entry.path)
            if link == entry.path:
                link = b""
            else:
                size = 0
        again = bool(link) and stat.S_ISREG(entry.mode)
        attributes = self._attributes(entry) if entry.source and not again else ()
        mtime = clock.clamp(entry.mtime, self._epoch)
        self._feed.put(tarstream.head(entry, mtime=mtime, size=size, link=link, attributes=attributes))
        if size:
            self._feed.put_file(entry.source, size)
            self._feed.put(tarstream.padding(size))

    def close(self) -> None:
        """End the stream."""
        self._feed.put(tarstream.END)
        self._feed.flush()

    def _attributes(self, entry: Entry) -> Iterable[tuple[str, bytes]]:
        kept = []
        for name, value in xattrs.read(entry.source):
            if name.startswith("system."):
                self.left += xattrs.record(b"/" + entry.path, name, value)
            else:
                kept.append((name, value))
        return kept
