"""What of a system is shipped in RAM, under which names, in which order."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

PRIVATE = b".claylinux"
"""Our own directory in the archive; init removes it."""
LAYERS = PRIVATE + b"/layers"
"""Where the layers of overlay mode are, and how many they are."""
MOUNT_POINTS = {b"dev": 0o755, b"proc": 0o555, b"run": 0o755, b"sys": 0o555, b"tmp": 0o1777}
"""Directories that ship empty, and are made with these modes when the system lacks them."""
_EMPTIED = {b"boot", *MOUNT_POINTS}
TARGET_FILES = {name + b".target": name for name in (b"hostname", b"hosts", b"resolv.conf")}
"""Files of /etc that take the place of others: a build step cannot write the real ones."""
_SECOND = 10**9
_LATEST = 1 << 63
"""Later than any time of a file."""


class Entry(NamedTuple):
    """One path of the archive; `source` is where its data and attributes are, empty: nowhere.

    `mtime`: in whole seconds; a float of them would round the last nanoseconds of a second up. `stamp`: when content
    and status changed, in nanoseconds.
    """

    path: bytes
    source: bytes
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int
    nlink: int
    identity: tuple[int, int]
    rdev: int
    stamp: tuple[int, int] = (0, 0)

    @property
    def order(self) -> bytes:
        """What entries are sorted by."""
        return order(self.path)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)


def synthetic_entry(path: bytes, mode: int, *, source: bytes = b"", size: int = 0, rdev: int = 0) -> Entry:
    """Give an entry that is ours, not the system's."""
    return Entry(path, source, mode, 0, 0, _LATEST, size, 1, (0, 0), rdev)


class Walk:
    """Gives the entries of a system: parents before children, siblings by the bytes of their names.

    Left out: sockets, which mean nothing without their process, and what belongs to the container. `only`: the paths
    that are given or entered at all; the root is.
    """

    def __init__(self, system: bytes, only: Container[bytes] | None = None) -> None:
        self._pending: list[tuple[bytes, os.DirEntry[bytes] | Entry]] = [(b".", _entry(b".", system, os.lstat(system)))]
        self._only = only
        self._last: Entry | None = None

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        if self._last is not None:
            below, only = _below(self._last), self._only
            self._pending += below if only is None else [pair for pair in below if pair[0] in only]
        while self._pending:
            path, found = self._pending.pop()
            entry = found if isinstance(found, Entry) else _entry(path, found.path, found.stat(follow_symlinks=False))
            if not stat.S_ISSOCK(entry.mode):
                self._last = entry
                return entry
        self._last = None
        raise StopIteration

    def prune(self) -> None:
        """Leave out what is below the entry that was given last."""
        self._last = None


def walk(system: bytes) -> Walk:
    """Give all entries of a system."""
    return Walk(system)


def pick(system: bytes, paths: Iterable[bytes]) -> Iterator[Entry]:
    """Give those entries of a walk that have one of these paths, without a walk through the rest."""
    wanted = set(paths)
    on_the_way = {b"."} | {parent for path in wanted for parent in parents(path)}
    return (entry for entry in Walk(system, wanted | on_the_way) if entry.path in wanted)


def parent_of(path: bytes) -> bytes:
    """Give the directory that holds `path`."""
    return path.rpartition(b"/")[0] or b"."


def parents(path: bytes) -> Iterator[bytes]:
    """Give all directories above `path`, the nearest first."""
    while path != b".":
        path = parent_of(path)
        yield path


def _below(entry: Entry) -> list[tuple[bytes, os.DirEntry[bytes] | Entry]]:
    """List what a walk gives below an entry, last name first."""
    if not entry.is_directory:
        return []
    if entry.path == b"dev":
        return [(b"dev/console", synthetic_entry(b"dev/console", stat.S_IFCHR | 0o600, rdev=os.makedev(5, 1)))]
    if entry.path in _EMPTIED:
        return []
    return _children(b"" if entry.path == b"." else entry.path, entry.source)


def _children(path: bytes, source: bytes) -> list[tuple[bytes, os.DirEntry[bytes] | Entry]]:
    """List a directory, last name first."""
    with os.scandir(source) as listing:
        found: dict[bytes, os.DirEntry[bytes] | Entry] = {entry.name: entry for entry in listing}
    if path == b"":
        _arrange_top(found)
    elif path == b"etc":
        for name, replaced in TARGET_FILES.items():
            if name in found:
                found[replaced] = found.pop(name)
    prefix = path + b"/" if path else b""
    return [(prefix + name, found[name]) for name in sorted(found, key=order, reverse=True)]


def order(path: bytes) -> bytes:
    """Give what sorts a directory's content right behind it: no name holds a byte that is less."""
    return b"" if path == b"." else path.replace(b"/", b"\0")


def _arrange_top(found: dict[bytes, os.DirEntry[bytes] | Entry]) -> None:
    if PRIVATE in found:
        raise ImagerError("the system has a /.claylinux, which is reserved for Claylinux: remove it")
    found.pop(b".dockerenv", None)
    if b"init" in found:
        found[PRIVATE + b"/init.system"] = found.pop(b"init")
    for name, mode in MOUNT_POINTS.items():
        if name not in found:
            found[name] = synthetic_entry(name, stat.S_IFDIR | mode)


def _entry(path: bytes, source: bytes, status: os.stat_result) -> Entry:
    return Entry(
        path,
        source,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_mtime_ns // _SECOND,
        status.st_size,
        status.st_nlink,
        (status.st_dev, status.st_ino),
        status.st_rdev,
        (status.st_mtime_ns, status.st_ctime_ns),
    )
