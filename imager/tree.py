"""What of a system is shipped in RAM, under which names, in which order."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from imager.errors import ImagerError

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE = b".claylinux"
"""Our own directory in the archive; init removes it."""
MOUNT_POINTS = {b"dev": 0o755, b"proc": 0o555, b"run": 0o755, b"sys": 0o555, b"tmp": 0o1777}
"""Directories that ship empty, and are made with these modes when the system lacks them."""
_EMPTIED = {b"boot", *MOUNT_POINTS}
TARGET_FILES = {name + b".target": name for name in (b"hostname", b"hosts", b"resolv.conf")}
"""Files of /etc that take the place of others: a build step cannot write the real ones."""


class Entry(NamedTuple):
    """One path of the archive; `source` is where its data and attributes are, empty: nowhere.

    `stamp`: when content and status changed, in nanoseconds.
    """

    path: bytes
    source: bytes
    mode: int
    uid: int
    gid: int
    mtime: float
    size: int
    nlink: int
    identity: tuple[int, int]
    rdev: int
    stamp: tuple[int, int] = (0, 0)

    @property
    def order(self) -> bytes:
        """What entries are sorted by."""
        return b"" if self.path == b"." else _order(self.path)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


def made(path: bytes, mode: int, *, source: bytes = b"", size: int = 0, rdev: int = 0) -> Entry:
    """Give an entry that is ours, not the system's."""
    return Entry(path, source, mode, 0, 0, float("inf"), size, 1, (0, 0), rdev)


def walk(system: bytes) -> Iterator[Entry]:
    """Give the entries of a system: parents before children, siblings by the bytes of their names.

    Left out: sockets, which mean nothing without their process, and what belongs to the container.
    """
    yield _entry(b".", system, os.lstat(system))
    pending: list[tuple[bytes, os.DirEntry[bytes] | int]] = _children(b"", system)
    while pending:
        path, found = pending.pop()
        if isinstance(found, int):
            entry = made(path, stat.S_IFDIR | found)
        else:
            entry = _entry(path, found.path, found.stat(follow_symlinks=False))
        if stat.S_ISSOCK(entry.mode):
            continue
        yield entry
        if stat.S_ISDIR(entry.mode):
            if path == b"dev":
                yield made(b"dev/console", stat.S_IFCHR | 0o600, rdev=os.makedev(5, 1))
            if path not in _EMPTIED:
                pending += _children(path, entry.source)


def _children(path: bytes, source: bytes) -> list[tuple[bytes, os.DirEntry[bytes] | int]]:
    """List a directory, last name first."""
    with os.scandir(source) as listing:
        found: dict[bytes, os.DirEntry[bytes] | int] = {entry.name: entry for entry in listing}
    if path == b"":
        _arrange_top(found)
    elif path == b"etc":
        for name, replaced in TARGET_FILES.items():
            if name in found:
                found[replaced] = found.pop(name)
    prefix = path + b"/" if path else b""
    return [(prefix + name, found[name]) for name in sorted(found, key=_order, reverse=True)]


def _order(path: bytes) -> bytes:
    """Sort a directory's content right behind it: no name holds a byte that is less."""
    return path.replace(b"/", b"\0")


def _arrange_top(found: dict[bytes, os.DirEntry[bytes] | int]) -> None:
    if PRIVATE in found:
        raise ImagerError("the system has a /.claylinux, which is reserved for Claylinux: remove it")
    found.pop(b".dockerenv", None)
    if b"init" in found:
        found[PRIVATE + b"/init.system"] = found.pop(b"init")
    for name, mode in MOUNT_POINTS.items():
        found.setdefault(name, mode)


def _entry(path: bytes, source: bytes, status: os.stat_result) -> Entry:
    return Entry(
        path,
        source,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_mtime,
        status.st_size,
        status.st_nlink,
        (status.st_dev, status.st_ino),
        status.st_rdev,
        (status.st_mtime_ns, status.st_ctime_ns),
    )
