"""A system as a compressed read-only layer, for `rootfs.mode: overlay`: squashfs, in a cpio archive of its own.

The archive is not compressed again. It holds, below `.claylinux/layers`:

    N.img      the file system
    N.xattrs   the attributes that squashfs cannot hold, as our init restores them (docs/architecture.md); only the
               topmost layer has any, those of the whole system. It comes last and is always there: what tells init
               that all was unpacked

What a stage removed is a whiteout, as overlayfs wants them (Documentation/filesystems/overlayfs): a device 0:0.
The program that makes the file system is fed with a tar stream: no tree is copied, and order, times and owners are
ours. Its bytes depend neither on the processors nor on the memory of the builder (squashfs-tools 4.6; those of 4.5
differ from one time to the next).
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager import changes, clock, cpio, output, segments, tarstream, tools, tree, xattrs
from imager.compress import Compression, Descriptor
from imager.errors import ImagerError
from imager.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.changes import Changes
    from imager.contract import Layer
    from imager.segments import Segment
    from imager.tree import Entry

FOLDER = tree.PRIVATE + b"/layers"
_BLOCK = 1 << 18
"""Bytes that are compressed together: see docs/rootfs.md for what other sizes cost."""
_QUEUES = ("-read-queue", "4", "-fragment-queue", "4", "-write-queue", "16")
"""MiB for the program's buffers; its default is a quarter of the machine's memory. The last is for blocks and for
fragments by halves, 32 buffers each. With few for fragments it can wait for itself for ever: its threads take fragments
in order, but buffers in any, and what is written next may be without one. Seen once with 4 (16M, blocks of 1 MiB)."""
_THREADS = 4
"""At most: each takes 2 MiB, and one process feeds them all."""
_COMPRESSORS = {"gz": "gzip", "lz4": "lz4", "xz": "xz", "zstd": "zstd"}
_LEVELLED = ("gz", "zstd")
_NOT_IN_SQUASHFS = "system."
"""ACLs; it has the attributes of the kinds trusted, user and security."""
_SET_ASIDE = tree.PRIVATE + b"/init.system"
"""The system's own /init: nothing is in its way in a layer."""


def run(request: Layer) -> None:
    """Write the archive, and what it holds."""
    compression = Compression.parse(request.compression)
    if not Path(request.system).is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    lower = tuple(segments.read(path)[-1] for path in request.lower)
    name = FOLDER + b"/%d" % request.number
    start = len(cpio.header(name + b".img", ino=1, mode=0))
    with output.writing(request.output, request.epoch) as fd:
        argv = _argv(Path(f"{request.output}.part"), start, os.fsencode(request.system), compression, request.epoch)
        with Path(os.devnull).open("wb") as quiet, tools.filter_to(argv, quiet.fileno()) as stdin:
            stream = Stream(Feed(Descriptor(stdin)), request.epoch)
            own = _pack(request, stream)
            stream.close()
        rest = b"" if request.more else _not_held(os.fsencode(request.system), (*lower, own))
        end = os.fstat(fd).st_size
        output.write_at(fd, 0, head(name, end - start, request.epoch))
        tail = cpio.header(name + b".xattrs", ino=2, mode=stat.S_IFREG | 0o600, mtime=request.epoch, size=len(rest))
        tail = cpio.padding(end - start) + tail + rest + cpio.padding(len(rest)) + cpio.TRAILER
        output.write_at(fd, end, tail)
    if request.facts:
        segments.write(request.facts, (*lower, own), request.epoch)
        print(segments.told(own))  # noqa: T201 - the progress of the build shows it


def head(name: bytes, size: int, epoch: int) -> bytes:
    """Encode what goes before the file system of the layer `name`; raises ImagerError when that is too big."""
    if size > cpio.FILE_LIMIT:
        raise ImagerError(
            f"a layer of the system has {size} bytes, compressed, but an image can hold one of less than 4 GiB: "
            "remove files from the system"
        )
    return cpio.header(name + b".img", ino=1, mode=stat.S_IFREG | 0o600, mtime=epoch, size=size)


def _pack(request: Layer, stream: Stream) -> Segment:
    """Send what the layer holds."""
    system = os.fsencode(request.system)
    if not request.below:
        return segments.describe_whole(stream.passing(tree.walk(system)), stream.not_held)
    found = changes.find(os.fsencode(request.below), system, request.epoch)
    for entry in sorted((*_present(found), *_whiteouts(found)), key=lambda each: each.order):
        stream.add(entry)
    # Whatever was in the place of something else: a layer hides it.
    return replace(segments.describe(found, (), request.epoch, stream.not_held), problem="")


def _present(found: Changes) -> Iterator[Entry]:
    """Give what changed, and the directories above it: a layer's directory decides about mode and owner."""
    yield from found.folders
    for change in found.changed:
        yield change.entry


def _whiteouts(found: Changes) -> Iterator[Entry]:
    """Give what hides what was removed: one for a whole directory, none for what a new file in its place hides."""
    # The directories above whatever changed or was removed are all among these.
    folders = {entry.path for entry in _present(found) if entry.is_folder}
    for entry in found.removed:
        if changes.parent_of(_shipped_path(entry.path)) in folders:
            yield tree.made(entry.path, stat.S_IFCHR)


def _not_held(system: bytes, layers: tuple[Segment, ...]) -> bytes:
    """Give the records of what squashfs cannot hold, of every name of a file.

    A file in an overlay becomes one of its own when its attributes change.
    """
    paths = {os.fsencode(path) for each in layers for path in each.attributes}
    found = bytearray(xattrs.records(b"/", system))  # mksquashfs makes the root by itself
    for path in sorted(paths - {b"."}, key=tree.order):
        entry = tree.lookup(system, path)
        for name, value in xattrs.read(entry.source) if entry is not None and entry.source else ():
            if name.startswith(_NOT_IN_SQUASHFS):
                found += xattrs.record(b"/" + _shipped_path(path), name, value)
    return bytes(found)


def _shipped_path(path: bytes) -> bytes:
    return b"init" if path == _SET_ASIDE else path


def _argv(image: Path, offset: int, system: bytes, compression: Compression, epoch: int) -> tuple[str, ...]:
    root = os.lstat(system)
    threads = min(len(os.sched_getaffinity(0)), _THREADS)
    words = ["mksquashfs", "-", str(image), "-tar", "-noappend"]
    if compression.kind == "none":
        words += ["-no-compression"]
    else:
        words += ["-comp", _COMPRESSORS[compression.kind]]
    if compression.kind in _LEVELLED:
        words += ["-Xcompression-level", str(compression.level)]
    words += ["-root-mode", f"{stat.S_IMODE(root.st_mode):o}", "-root-time", str(clock.clamp(root.st_mtime, epoch))]
    words += ["-root-uid", str(root.st_uid), "-root-gid", str(root.st_gid), "-mkfs-time", "0"]
    words += ["-b", str(_BLOCK), *_QUEUES, "-processors", str(threads), "-offset", str(offset)]
    words += ["-exit-on-error", "-quiet", "-no-progress"]
    return tuple(words)


class Stream:
    """Writes entries as a tar stream; `not_held` collects the paths with attributes that squashfs cannot hold."""

    def __init__(self, feed: Feed, epoch: int) -> None:
        self.not_held: list[bytes] = []
        self._feed = feed
        self._epoch = epoch
        self._first: dict[tuple[int, int], bytes] = {}

    def passing(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Write entries as they come by."""
        for entry in entries:
            self.add(entry)
            yield entry

    def add(self, entry: Entry) -> None:
        """Write one entry with its data; the first of several names of a file has them."""
        attributes = xattrs.read(entry.source) if entry.source else ()
        if any(name.startswith(_NOT_IN_SQUASHFS) for name, _ in attributes):
            self.not_held.append(entry.path)
        entry = entry._replace(path=_shipped_path(entry.path))
        if entry.path == b".":
            return  # made by the program itself
        link = os.readlink(entry.source) if stat.S_ISLNK(entry.mode) else b""  # noqa: PTH115 - Path would tidy it
        size = entry.size if entry.is_file else 0
        if entry.nlink > 1 and entry.is_file:
            link = self._first.setdefault(entry.identity, entry.path)
            if link == entry.path:
                link = b""
            else:
                size = 0
        again = bool(link) and entry.is_file
        held = () if again else [pair for pair in attributes if not pair[0].startswith(_NOT_IN_SQUASHFS)]
        mtime = clock.clamp(entry.mtime, self._epoch)
        self._feed.put(tarstream.head(entry, mtime=mtime, size=size, link=link, attributes=held))
        if size:
            self._feed.put_file(entry.source, size)
            self._feed.put(tarstream.padding(size))

    def close(self) -> None:
        """End the stream."""
        self._feed.put(tarstream.END)
        self._feed.flush()
