"""The tar format as input for programs that make file systems: POSIX pax, for everything that cpio cannot express.

Only values that do not fit into a plain ustar header go into extended records: long or unusual names, large numbers,
and extended attributes (`SCHILY.xattr.`, as in GNU tar and libarchive).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imager.core.sparse import Ranges
    from imager.rootfs.tree import Entry

BLOCK = 512
END = bytes(2 * BLOCK)
"""The end of a stream."""
_NAME, _LINK = 100, 100
_KINDS = {
    stat.S_IFREG: b"0",
    stat.S_IFLNK: b"2",
    stat.S_IFCHR: b"3",
    stat.S_IFBLK: b"4",
    stat.S_IFDIR: b"5",
    stat.S_IFIFO: b"6",
}
_HARD_LINK = b"1"
_ID_LIMIT, _SIZE_LIMIT, _DEVICE_LIMIT = 8**7, 8**11, 8**7


def head(
    entry: Entry,
    *,
    mtime: int,
    size: int = 0,
    link: bytes = b"",
    attributes: Iterable[tuple[str, bytes]] = (),
    records: Mapping[bytes, bytes] = MappingProxyType({}),
) -> bytes:
    """Return the header of one entry; `size` bytes and their `padding` must follow.

    `link` is the target of a symbolic link, or for any other entry an earlier path with the same data.
    """
    path = entry.path + b"/" if stat.S_ISDIR(entry.mode) else entry.path
    hard = bool(link) and not stat.S_ISLNK(entry.mode)
    device = stat.S_ISCHR(entry.mode) or stat.S_ISBLK(entry.mode)
    more = {**records, **{b"SCHILY.xattr." + os.fsencode(name): value for name, value in attributes}}
    if len(path) > _NAME:
        more[b"path"] = path
    if len(link) > _LINK:
        more[b"linkpath"] = link
    for key, number, limit in ((b"uid", entry.uid, _ID_LIMIT), (b"gid", entry.gid, _ID_LIMIT)):
        if number >= limit:
            more[key] = b"%d" % number
    if size >= _SIZE_LIMIT:
        more[b"size"] = b"%d" % size
    block = _block(
        path[:_NAME],
        mode=stat.S_IMODE(entry.mode),
        owner=(entry.uid % _ID_LIMIT, entry.gid % _ID_LIMIT),
        size=size % _SIZE_LIMIT,
        mtime=mtime,
        kind=_HARD_LINK if hard else _KINDS[stat.S_IFMT(entry.mode)],
        link=link[:_LINK],
        device=(os.major(entry.rdev), os.minor(entry.rdev)) if device else (0, 0),
    )
    return _extended(more) + block


def head_with_holes(entry: Entry, ranges: Ranges, *, mtime: int, attributes: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """Encode a file of which only `ranges` follow, in the format of GNU tar, sparse version 1.0.

    A map stands before the data: how many ranges, then position and length of each. The empty ones around it are for
    mksquashfs, which finds no end in a file with a single range; it also wants the rest of the file to be data, and
    all other lengths to be multiples of `BLOCK`.
    """
    rows = ((0, 0), *ranges, (entry.size, 0))
    text = b"%d\n" % len(rows) + b"".join(b"%d\n%d\n" % row for row in rows)
    listed = text + padding(len(text))
    records = {
        b"GNU.sparse.major": b"1",
        b"GNU.sparse.minor": b"0",
        b"GNU.sparse.name": entry.path,
        b"GNU.sparse.realsize": b"%d" % entry.size,
    }
    size = len(listed) + sum(length for _, length in ranges)
    return head(entry, mtime=mtime, size=size, attributes=attributes, records=records) + listed


def padding(size: int) -> bytes:
    """Return the padding after `size` bytes, because everything starts at a multiple of 512."""
    return bytes(-size % BLOCK)


def _extended(records: dict[bytes, bytes]) -> bytes:
    if not records:
        return b""
    data = b"".join(_record(key, value) for key, value in sorted(records.items()))
    return _block(b"pax", mode=0o644, size=len(data), kind=b"x") + data + padding(len(data))


def _record(key: bytes, value: bytes) -> bytes:
    """Return `length key=value`, where the length includes its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return b"%d" % length + rest


def _block(
    name: bytes,
    *,
    mode: int,
    kind: bytes,
    owner: tuple[int, int] = (0, 0),
    size: int = 0,
    mtime: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    """Return a ustar header (POSIX.1-2017, pax, "ustar Interchange Format")."""
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, *owner, size, mtime)
    start = name.ljust(_NAME, b"\0") + numbers
    end = kind + link.ljust(_LINK, b"\0") + b"ustar\x0000" + bytes(64) + b"%07o\0%07o\0" % device
    total = sum(start) + sum(end) + 8 * ord(" ")
    return (start + b"%06o\0 " % total + end).ljust(BLOCK, b"\0")
