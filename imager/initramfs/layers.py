"""A system as a compressed read-only layer, for `rootfs.mode: overlay`: squashfs, in a cpio archive of its own.

The file starts with the file system: the program that makes it can write nowhere else. What goes before it in an
initramfs is given by `enclosure`. The archive is not compressed again. It holds, below `.claylinux/layers`:

    N.img      the file system
    N.xattrs   attributes that squashfs cannot hold, for our init to restore (docs/internals/initramfs.md); only the
               topmost layer has any, those of the whole system. It comes last and is always there: what tells init
               that all was unpacked

What a stage removed is a whiteout, as overlayfs wants them (Documentation/filesystems/overlayfs): a device 0:0.
The program that makes the file system (see `squashfs`) is fed with a tar stream: no tree is copied, and order, times
and owners are ours.
"""

from __future__ import annotations

import heapq
import os
import stat
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager.archive import squashfs, tarstream
from imager.archive.compress import Compression, Descriptor
from imager.archive.writer import Feed
from imager.core import clock, output, tools
from imager.core.errors import ImagerError, ToolError
from imager.initramfs import changes, layer_archive, segments
from imager.rootfs import tree, xattrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.contract import Layer
    from imager.initramfs.changes import Changes
    from imager.initramfs.segments import Segment
    from imager.rootfs.tree import Entry

_BITE = 1 << 20
"""Bytes for which a full disk has no room."""
_NOT_IN_SQUASHFS = "system."
"""ACLs; it has the attributes of the kinds trusted, user and security."""
_NOT_IN_TAR = "="
"""Where the name of an attribute ends, in a stream."""
_CARRIED, _RECORD = 48 << 10, 32
"""Bytes of attributes that a file may have in a stream, and what each takes beside its name and value: tar2sqfs reads
64 KiB before every file, its path and target with them."""
_SET_ASIDE = tree.PRIVATE + b"/init.system"
"""The system's own /init: nothing is in its way in a layer."""


def run(request: Layer) -> None:
    """Write the archive, and what it holds."""
    compression = Compression.parse(request.compression)
    if not Path(request.system).is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    lower = tuple(segments.read(path)[-1] for path in request.lower)
    system = os.fsencode(request.system)
    root = _root(system, request.epoch)
    with output.writing(request.output, request.epoch) as fd:
        argv = squashfs.program(compression, root, f"{request.output}.part")
        with _explaining(fd), Path(os.devnull).open("wb") as quiet, tools.filter_to(argv, quiet.fileno()) as stdin:
            stream = Stream(Feed(Descriptor(stdin)), request.epoch)
            stream.begin(root)
            own = _pack(request, stream)
            stream.close()
        rest = b"" if request.more else _not_held(system, (*lower, own))
        end = os.fstat(fd).st_size
        layer_archive.check(end)
        output.write_at(fd, end, layer_archive.tail(request.number, rest, request.epoch))
    output.note_digest(request.output, request.epoch)
    if request.facts:
        segments.write(request.facts, (*lower, own), request.epoch)
        print(segments.told(own))  # noqa: T201 - the progress of the build shows it


def _root(system: bytes, epoch: int) -> Entry:
    root = next(tree.walk(system))
    return root._replace(mtime=clock.clamp(root.mtime, epoch))


@contextmanager
def _explaining(fd: int) -> Iterator[None]:
    """Find out why a program could not write to `fd`, when it may have said no more than "I/O error"."""
    try:
        yield
    except ToolError:
        output.write_at(fd, os.fstat(fd).st_size, bytes(_BITE))  # if the disk is full, this says so
        raise


def _pack(request: Layer, stream: Stream) -> Segment:
    """Send what the layer holds."""
    system = os.fsencode(request.system)
    if not request.below:
        return segments.describe_whole(stream.passing(tree.walk(system)), stream.not_held)
    # The directories above what changed are in the layer, too: the topmost decides about mode and owner.
    found = changes.find(os.fsencode(request.below), system, request.epoch)
    changed = (change.entry for change in found.changed)
    for entry in heapq.merge(found.folders, changed, _whiteouts(found), key=lambda each: each.order):
        stream.add(entry)
    # Whatever was in the place of something else: a layer hides it.
    return replace(segments.describe(found, (), request.epoch, stream.not_held), problem="")


def _whiteouts(found: Changes) -> Iterator[Entry]:
    """Give what hides what was removed: one for a whole directory, none for what a new file in its place hides."""
    # The directories above whatever changed or was removed are all among these.
    folders = {entry.path for entry in found.folders}
    folders.update(change.entry.path for change in found.changed if change.entry.is_folder)
    for entry in found.removed:
        if tree.parent_of(_shipped_path(entry.path)) in folders:
            yield tree.made(entry.path, stat.S_IFCHR)


def _not_held(system: bytes, layers: tuple[Segment, ...]) -> bytes:
    """Give the records of what the layers cannot hold, of every name of a file.

    A file in an overlay becomes one of its own when its attributes change.
    """
    paths = {os.fsencode(path) for each in layers for path in each.attributes}
    found = bytearray(xattrs.records(b"/", system))  # no attributes of it in the stream
    for entry in tree.pick(system, paths - {b"."}):
        for name, value in _split(entry)[1]:
            found += xattrs.record(b"/" + _shipped_path(entry.path), name, value)
    return bytes(found)


def _split(entry: Entry) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Give the attributes that the layer has of an entry, and those that init restores."""
    held: list[tuple[str, bytes]] = []
    rest: list[tuple[str, bytes]] = []
    room = _CARRIED
    for name, value in xattrs.read(entry.source) if entry.source else ():
        taken = len(name) + len(value) + _RECORD
        fits = taken <= room and _NOT_IN_TAR not in name and not name.startswith(_NOT_IN_SQUASHFS)
        (held if fits else rest).append((name, value))
        room -= taken if fits else 0
    return held, rest


def _shipped_path(path: bytes) -> bytes:
    return b"init" if path == _SET_ASIDE else path


class Stream:
    """Writes entries as a tar stream; `not_held` collects the paths with attributes that init restores."""

    def __init__(self, feed: Feed, epoch: int) -> None:
        self.not_held: list[bytes] = []
        self._feed = feed
        self._epoch = epoch
        self._first: dict[tuple[int, int], bytes] = {}

    def begin(self, root: Entry) -> None:
        """Write the root directory; init restores its attributes."""
        self._feed.put(tarstream.head(root, mtime=root.mtime))

    def passing(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Write entries as they come by."""
        for entry in entries:
            self.add(entry)
            yield entry

    def add(self, entry: Entry) -> None:
        """Write one entry with its data; the first of several names of a file has them."""
        held, rest = _split(entry)
        if rest:
            self.not_held.append(entry.path)
        entry = entry._replace(path=_shipped_path(entry.path))
        if entry.path == b".":
            return  # it came first
        link = os.readlink(entry.source) if stat.S_ISLNK(entry.mode) else b""  # noqa: PTH115 - Path would tidy it
        size = entry.size if entry.is_file else 0
        if entry.nlink > 1 and entry.is_file:
            link = self._first.setdefault(entry.identity, entry.path)
            if link == entry.path:
                link = b""
            else:
                size = 0
        again = bool(link) and entry.is_file
        if again:
            held = []
        mtime = clock.clamp(entry.mtime, self._epoch)
        self._feed.put(tarstream.head(entry, mtime=mtime, size=size, link=link, attributes=held))
        if size:
            self._feed.put_file(entry.source, size)
            self._feed.put(tarstream.padding(size))

    def close(self) -> None:
        """End the stream."""
        self._feed.put(tarstream.END)
        self._feed.flush()
