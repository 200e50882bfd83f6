"""The work that remains for init after the kernel unpacked all segments: the last files of the last segment.

    .claylinux/removed   paths that stages removed from stages below, each terminated by NUL, children first
    .claylinux/times     times of directories that this removal changes or that several segments contain: path, NUL,
                         then the seconds as a little-endian int64
    .claylinux/sparse    if there are any: files that were packed without their holes, see `holes`
    .claylinux/xattrs    everything that cpio cannot carry, see `xattrs`; as the very last file, it tells init that the
                         kernel unpacked everything

Paths are absolute. This module looks only at the paths in the segments' descriptions, not at the whole system.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from imager.core import clock
from imager.initramfs import holes
from imager.initramfs.segments import condensed
from imager.rootfs import tree, xattrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imager.archive.cpio_writer import CpioWriter
    from imager.initramfs.segments import Segment
    from imager.rootfs.tree import Entry


def write(
    archive: CpioWriter,
    system: bytes,
    segments: Iterable[Segment],
    epoch: int,
    keep: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> None:
    """Write the files for all `segments` of a system with the files `keep`, without `exclude` (see `rootfs.tree`)."""
    segments = tuple(segments)
    gone = {os.fsencode(path) for each in segments for path in each.removed}
    directories = {b"."} | {os.fsencode(path) for each in segments for path in each.redated_directories}
    # The kernel gives a directory the time from the lowest segment, even if a later stage removed and recreated it.
    dated = directories | gone | {tree.parent_of(path) for path in gone}
    present = {entry.path: entry for entry in tree.pick(system, dated | _attributed(segments), keep, exclude)}
    content = {
        b"removed": b"".join(_absolute(path) + b"\0" for path in reversed(_sorted(gone - present.keys()))),
        b"times": b"".join(_time(entry, epoch) for entry in present.values() if entry.path in dated),
        b"sparse": holes.records(condensed(segments)),
        b"xattrs": b"".join(
            xattrs.records(_absolute(entry.path), entry.source) for entry in present.values() if entry.source
        ),
    }
    if not content[b"sparse"]:
        del content[b"sparse"]
    for name, data in content.items():
        archive.add_data(tree.synthetic_entry(tree.PRIVATE + b"/" + name, stat.S_IFREG | 0o600), data)


def _attributed(segments: Iterable[Segment]) -> set[bytes]:
    return {os.fsencode(path) for each in segments for path in each.attributes}


def _sorted(paths: Iterable[bytes]) -> list[bytes]:
    return sorted(paths, key=tree.order)


def _time(entry: Entry, epoch: int) -> bytes:
    if not entry.is_directory:
        return b""
    return _absolute(entry.path) + b"\0" + clock.clamp(entry.mtime, epoch).to_bytes(8, "little")


def _absolute(path: bytes) -> bytes:
    return b"/" if path == b"." else b"/" + path
