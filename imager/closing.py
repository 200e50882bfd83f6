"""What init has to do when all segments are unpacked: the last files of the last one.

    .claylinux/removed   paths that stages removed from those below, each ended by NUL, children first
    .claylinux/times     times of directories whose content changes by that, or that several segments have: path, NUL,
                         then the seconds as a little-endian int64
    .claylinux/xattrs    what cpio cannot carry, see `xattrs`. The very last: it tells init that all was unpacked

Paths are absolute.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from imager import changes, clock, tree, xattrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imager.archive import Archive
    from imager.segments import Segment
    from imager.tree import Entry


class Closing:
    """Gathers it from a walk over the whole system; `segments` are all of them."""

    def __init__(self, segments: Sequence[Segment], epoch: int) -> None:
        self._epoch = epoch
        self._gone = {os.fsencode(path) for each in segments for path in each.removed}
        self._folders = {b"."} | {os.fsencode(path) for each in segments for path in each.folders}
        self._folders |= {changes.parent_of(path) for path in self._gone}
        self._times: list[bytes] = []
        self._attributes = bytearray()

    def add(self, entry: Entry) -> None:
        """Take note of one path of the system."""
        path = _absolute(entry.path)
        # The kernel gives a directory the time that the lowest segment has, even when it was removed in between.
        is_back = entry.path in self._gone
        self._gone.discard(entry.path)
        if entry.is_folder and (is_back or entry.path in self._folders):
            self._times.append(path + b"\0" + clock.clamp(entry.mtime, self._epoch).to_bytes(8, "little"))
        if entry.source:
            self._attributes += xattrs.records(path, entry.source)

    def write(self, archive: Archive) -> None:
        """Write the files."""
        gone = sorted(self._gone, key=lambda path: path.replace(b"/", b"\0"), reverse=True)
        removed = b"".join(_absolute(path) + b"\0" for path in gone)
        content = {b"removed": removed, b"times": b"".join(self._times), b"xattrs": bytes(self._attributes)}
        for name, data in content.items():
            archive.add_data(tree.made(tree.PRIVATE + b"/" + name, stat.S_IFREG | 0o600), data)


def _absolute(path: bytes) -> bytes:
    return b"/" if path == b"." else b"/" + path
