"""A system as a compressed read-only layer for `rootfs.mode: overlay`: squashfs, in its own cpio archive.

The file starts with the file system, because the program that makes it cannot write anywhere else. `layer_archive`
supplies the bytes that precede it in an initramfs. The archive is not compressed again. It contains, below
`.claylinux/layers`:

    N.img      the file system
    N.sparse   if there are any: the files without their holes, for our init to restore (`holes`); like the next
    N.xattrs   the attributes that squashfs cannot hold, for our init to restore (docs/internals/initramfs.md); only the
               topmost layer has any, those of the whole system. The file always exists and comes last: it tells init
               that the kernel unpacked everything

For each path that a stage removed, there is a whiteout for overlayfs (Documentation/filesystems/overlayfs): a device
0:0. The program that makes the file system (see `squashfs`) reads a tar stream. So nothing copies the tree, and order,
times and owners are under our control.
"""

from __future__ import annotations

import heapq
import os
import stat
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager.archive import squashfs, tarstream, verity
from imager.archive.batch_writer import BatchWriter
from imager.archive.compress import Compression, Descriptor
from imager.core import clock, output, sparse, terminal, tools
from imager.core.errors import ImagerError, ToolError
from imager.core.sparse import Condensed, Ranges
from imager.initramfs import changes, holes, layer_archive, pace, segments
from imager.rootfs import tree, xattrs
from imager.rootfs.private_keys import Finder
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.initramfs.changes import Changes
    from imager.initramfs.segments import Segment
    from imager.requests.packing import Layer
    from imager.rootfs.tree import Entry

_PROBE = 1 << 20
"""More bytes than fit on a full disk."""
_NOT_IN_SQUASHFS = "system."
"""The ACLs; squashfs supports attributes of the kinds trusted, user and security."""
_NOT_IN_TAR = "="
"""The end of an attribute's name in a stream."""
_CARRIED, _RECORD = 48 << 10, 32
"""Bytes of attributes that a file may have in a stream, and the overhead of each attribute: tar2sqfs reads 64 KiB
before every file, including its path and target."""
_SET_ASIDE = tree.PRIVATE + b"/init.system"
"""The system's own /init; in a layer, nothing else has that path."""


def run(request: Layer) -> None:
    """Write the archive and its description."""
    compression = Compression.parse(request.compression)
    if not Path(request.system).is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    lower = tuple(segments.read(path)[-1] for path in request.lower)
    system = os.fsencode(request.system)
    root = _root(system, request.epoch)
    with output.writing(request.output, request.epoch) as fd:
        argv = squashfs.program(compression, root, f"{request.output}.part")
        with (
            _explain_full_disk(fd),
            Path(os.devnull).open("wb") as quiet,
            tools.filter_to(argv, quiet.fileno()) as stdin,
        ):
            sink = Descriptor(stdin)
            stream = TarWriter(BatchWriter(sink), request.epoch)
            stream.begin(root)
            with pace.told(request, lambda: sink.sent):
                own = _pack(request, stream)
            stream.close()
        if request.verified:
            verity.add_tree(fd)
        end = os.fstat(fd).st_size
        if not request.verified:
            layer_archive.check_size(end)
        lists = _lists_for_init(request, (*lower, own))
        output.write_at(fd, end, layer_archive.tail(request.number, lists, request.epoch))
    output.save_digest(request.output, request.epoch)
    for line in segments.remarks(request, own):
        terminal.tell(line)
    if request.facts:
        output.save_json(request.facts, (*lower, own), request.epoch)
        terminal.tell(segments.summarize(own))


def _root(system: bytes, epoch: int) -> Entry:
    root = next(tree.walk(system))
    return root._replace(mtime=clock.clamp(root.mtime, epoch))


@contextmanager
def _explain_full_disk(fd: int) -> Iterator[None]:
    """If a program failed because the disk of `fd` is full, raise that error; the program may only say "I/O error"."""
    try:
        yield
    except ToolError:
        output.write_at(fd, os.fstat(fd).st_size, bytes(_PROBE))  # if the disk is full, this raises the real error
        raise


def _pack(request: Layer, stream: TarWriter) -> Segment:
    """Write the content of the layer."""
    system, root, keys = os.fsencode(request.system), Root(Path(request.system)), Finder()
    if not request.below:
        walk = tree.walk(system, request.keep, request.exclude)
        entries = stream.add_each(keys.watch(walk))
        own = segments.describe_whole(entries, stream.restored_by_init, stream.condensed)
        return replace(own, private_keys=keys.unpackaged(root, request.keep), excluded=walk.matched)
    # The layer also contains the directories above each change: the topmost entry decides about mode and owner.
    found = changes.compare(os.fsencode(request.below), system, request.epoch, request.keep, request.exclude)
    changed = (change.entry for change in found.changed)
    for entry in heapq.merge(found.unchanged_parents, changed, _whiteouts(found), key=lambda each: each.order):
        stream.add(entry)
        keys.look(entry)
    # A layer hides the path below it, whatever its type, so there is never a problem.
    own = segments.describe(found, (), request.epoch, stream.restored_by_init, stream.condensed)
    return replace(own, problem="", private_keys=keys.unpackaged(root, request.keep))


def _whiteouts(found: Changes) -> Iterator[Entry]:
    """Yield the whiteouts: one for a whole removed directory, none for a path that a new file replaces."""
    # These contain every directory above a changed or removed path.
    directories = {entry.path for entry in found.unchanged_parents}
    directories.update(change.entry.path for change in found.changed if change.entry.is_directory)
    for entry in found.removed:
        if tree.parent_of(_shipped_path(entry.path)) in directories:
            yield tree.synthetic_entry(entry.path, stat.S_IFCHR)


def _lists_for_init(request: Layer, layers: tuple[Segment, ...]) -> layer_archive.Lists:
    """Return what init does with the finished tree: nothing as long as other layers follow.

    Attributes that the layers cannot hold are restored for every name of a file: overlayfs splits a file with several
    names when its attributes change. Writing to a file removes attributes, so init restores all of a condensed one.
    """
    if request.more:
        return layer_archive.Lists()
    system = os.fsencode(request.system)
    condensed = segments.condensed(layers)
    paths = {os.fsencode(path) for each in layers for path in each.attributes}
    found = bytearray(xattrs.records(b"/", system))  # the stream has no attributes of the root
    for entry in tree.pick(system, paths - {b"."}, request.keep, request.exclude):
        for name, value in _split_attributes(entry, by_init=os.fsdecode(entry.path) in condensed)[1]:
            found += xattrs.record(b"/" + _shipped_path(entry.path), name, value)
    shipped = {os.fsdecode(_shipped_path(os.fsencode(path))): file for path, file in condensed.items()}
    return layer_archive.Lists(bytes(found), holes.records(shipped))


def _split_attributes(entry: Entry, *, by_init: bool) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Return the attributes of an entry that the layer holds, and those that init restores, which may be all."""
    held: list[tuple[str, bytes]] = []
    rest: list[tuple[str, bytes]] = []
    room = 0 if by_init else _CARRIED
    for name, value in xattrs.read(entry.source) if entry.source else ():
        taken = len(name) + len(value) + _RECORD
        fits = taken <= room and _NOT_IN_TAR not in name and not name.startswith(_NOT_IN_SQUASHFS)
        (held if fits else rest).append((name, value))
        room -= taken if fits else 0
    return held, rest


def _shipped_path(path: bytes) -> bytes:
    return b"init" if path == _SET_ASIDE else path


class TarWriter:
    """Writes entries as a tar stream.

    `restored_by_init` collects the paths with attributes that init restores, `condensed` the files without their holes.
    """

    def __init__(self, writer: BatchWriter, epoch: int) -> None:
        self.restored_by_init: list[bytes] = []
        self.condensed: dict[str, Condensed] = {}
        self._writer = writer
        self._epoch = epoch
        self._first: dict[tuple[int, int], bytes] = {}

    def begin(self, root: Entry) -> None:
        """Write the root directory; init restores its attributes."""
        self._writer.put(tarstream.head(root, mtime=root.mtime))

    def add_each(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Write the entries, and yield each of them."""
        for entry in entries:
            self.add(entry)
            yield entry

    def add(self, entry: Entry) -> None:
        """Write one entry with its data; if a file has several names, the first one carries the data."""
        data = size = entry.size if entry.is_file else 0
        ranges: Ranges = ((0, size),)
        condensed = False
        if size >= sparse.BLOCK:
            ranges = sparse.ranges_of(entry.source, size)
            data, condensed = sparse.total(ranges), holes.condense_in_layer(size, ranges)
        held, rest = _split_attributes(entry, by_init=condensed)
        if rest:
            self.restored_by_init.append(entry.path)
        if condensed:
            self.condensed[os.fsdecode(entry.path)] = Condensed(size, ranges)
        entry = entry._replace(path=_shipped_path(entry.path))
        if entry.path == b".":
            return  # `begin` wrote it
        link = os.readlink(entry.source) if stat.S_ISLNK(entry.mode) else b""  # noqa: PTH115 - Path would tidy it
        has_holes = data < size and not condensed
        if entry.nlink > 1 and entry.is_file:
            first = self._first.setdefault(entry.identity, entry.path)
            if first != entry.path:
                link, data, has_holes, held = first, 0, False, []
        mtime = clock.clamp(entry.mtime, self._epoch)
        if has_holes:
            self._writer.put(tarstream.head_with_holes(entry, ranges, mtime=mtime, attributes=held))
        else:
            self._writer.put(tarstream.head(entry, mtime=mtime, size=data, link=link, attributes=held))
        if data:
            self._writer.put_file(entry.source, ranges)
            self._writer.put(tarstream.padding(data))

    def close(self) -> None:
        """End the stream."""
        self._writer.put(tarstream.END)
        self._writer.flush()
