"""A system and our init as cpio archives that the kernel unpacks on top of each other: one segment for each stage."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager.archive.compress import Compression, compressing
from imager.archive.cpio_writer import CpioWriter, count_links
from imager.core import output, terminal
from imager.core.errors import ImagerError
from imager.initramfs import changes, fixups, pace, segments
from imager.rootfs import tree, xattrs
from imager.rootfs.private_keys import Finder
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.archive.compress import Sink
    from imager.initramfs.change import Change
    from imager.initramfs.segments import Segment
    from imager.requests.packing import Initramfs
    from imager.rootfs.tree import Entry


def run(request: Initramfs) -> None:
    """Write one segment and its description."""
    compression = Compression.parse(request.compression)
    if not Path(request.system).is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    if not Path(request.init).is_file():
        raise ImagerError(f"the init program {request.init} is not a file")
    lower = tuple(segments.read(path)[-1] for path in request.lower)
    with (
        output.writing(request.output, request.epoch) as fd,
        compressing(compression, fd) as sink,
        pace.told(request, lambda: sink.sent),
    ):
        found = _pack_changes(request, sink, lower) if request.below else _pack_all(request, sink)
    output.save_digest(request.output, request.epoch)
    for line in segments.remarks(request, found):
        terminal.tell(line)
    if request.facts:
        output.save_json(request.facts, (*lower, found), request.epoch)
        terminal.tell(segments.summarize(found))


def _pack_all(request: Initramfs, sink: Sink) -> Segment:
    """Write the lowest segment; no other segment to compare it with exists."""
    system, init = os.fsencode(request.system), os.fsencode(request.init)
    keys = Finder()
    archive = CpioWriter(sink, request.epoch, count_links(tree.walk(system, request.keep, request.exclude)))
    archive.add(tree.synthetic_entry(tree.PRIVATE, stat.S_IFDIR | 0o700))
    # First, so that init can report too little memory for the rest.
    archive.add(
        tree.synthetic_entry(b"init", stat.S_IFREG | 0o755, source=init, size=Path(request.init).stat().st_size)
    )
    attributed: list[bytes] = []
    walk = tree.walk(system, request.keep, request.exclude)
    own = segments.describe_whole(_add_each(archive, keys.watch(walk), attributed), attributed, archive.condensed)
    unpackaged = keys.unpackaged(Root(Path(request.system)), request.keep)
    own = replace(own, private_keys=unpackaged, excluded=walk.matched)
    if not request.more:
        fixups.write(archive, system, (own,), request.epoch, request.keep, request.exclude)
    archive.close()
    return own


def _add_each(archive: CpioWriter, entries: Iterable[Entry], attributed: list[bytes]) -> Iterator[Entry]:
    """Add all entries, and yield each of them."""
    for entry in entries:
        archive.add(entry)
        if entry.source and xattrs.read(entry.source):
            attributed.append(entry.path)
        yield entry


def _pack_changes(request: Initramfs, sink: Sink, lower: tuple[Segment, ...]) -> Segment:
    """Write a segment with the differences from the stage below."""
    system = os.fsencode(request.system)
    found = changes.compare(os.fsencode(request.below), system, request.epoch, request.keep, request.exclude)
    keys = Finder()
    entries = [change.entry for change in found.changed]
    attributed = [entry.path for entry in entries if entry.source and xattrs.read(entry.source)]
    archive = CpioWriter(sink, request.epoch, count_links(entries))
    for change in found.changed:
        if segments.occupant(change, lower) == segments.OTHER:
            archive.add_data(_clear_path(change), b"/")
        archive.add(change.entry)
        keys.look(change.entry)
    own = segments.describe(found, lower, request.epoch, attributed, archive.condensed)
    own = replace(own, private_keys=keys.unpackaged(Root(Path(request.system)), request.keep))
    if not request.more:
        fixups.write(archive, system, (*lower, own), request.epoch, request.keep, request.exclude)
    archive.close()
    return own


def _clear_path(change: Change) -> tree.Entry:
    """Return a symbolic link that makes the kernel remove the old path, and then the link before the next entry.

    Otherwise the kernel would write into a file with other names, or keep a device (init/initramfs.c, `clean_path`).
    """
    return tree.synthetic_entry(change.entry.path, stat.S_IFLNK | 0o777)
