"""The part of a system that ships in the image: which files, with which names, in which order."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imager.core.errors import ImagerError
from imager.rootfs import seal
from imager.rootfs.exclusion import Exclusion
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from imager.rootfs.exclusion import Progress
    from imager.rootfs.seal import Seal

    Overrides = Mapping[bytes, Mapping[bytes, "Entry | None"]]

PRIVATE = b".claylinux"
"""Our own directory in the initramfs; init removes it."""
LAYERS = PRIVATE + b"/layers"
"""The directory with the layers of overlay mode and their number."""
MOUNT_POINTS = {b"dev": 0o755, b"proc": 0o555, b"run": 0o755, b"sys": 0o555, b"tmp": 0o1777}
"""Directories that ship empty; if the system lacks one, it gets this mode."""
_EMPTIED = {b"boot", *MOUNT_POINTS}
_NEEDED = {b"dev/console", *MOUNT_POINTS}
"""What no pattern leaves out: nothing boots without it."""
TARGET_FILES = {name + b".target": name for name in (b"hostname", b"hosts", b"resolv.conf")}
"""Files in /etc that replace others, because a build step cannot write the real ones."""
_SECOND = 10**9
_LATEST = 1 << 63
"""Later than the time of any file."""


class Entry(NamedTuple):
    """One path in the image; `source` is the file with its data and attributes, or empty if there is none.

    `mtime` is in whole seconds; a float would round the last nanoseconds of a second up. `stamp` is the time of the
    last change of content and of status, in nanoseconds.
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
        """The key for sorting entries."""
        return order(self.path)

    @property
    def is_file(self) -> bool:
        """Whether this is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_directory(self) -> bool:
        """Whether this is a directory."""
        return stat.S_ISDIR(self.mode)


_Found = tuple[bytes, "os.DirEntry[bytes] | Entry"]
"""A path, and what a directory says about it."""


def synthetic_entry(path: bytes, mode: int, *, source: bytes = b"", size: int = 0, rdev: int = 0) -> Entry:
    """Return an entry that Claylinux adds to the system."""
    return Entry(path, source, mode, 0, 0, _LATEST, size, 1, (0, 0), rdev)


class Walk:
    """An iterator over the entries of a system: parents before children, siblings in byte order of their names.

    It skips sockets, which are useless without their process, and files of the build container. What belongs to one
    machine is as its `seal` says, except for the paths in `keep`. `only` limits it to these paths and to directories
    among them; the root always counts. What matches the patterns `exclude` (see `imager.rootfs.exclusion`) is left out:
    `left_out` has the topmost paths so far, with the numbers of their patterns.
    """

    def __init__(
        self,
        system: bytes,
        keep: Iterable[str] = (),
        only: Container[bytes] | None = None,
        exclude: Iterable[str] = (),
    ) -> None:
        self.seal = seal.find(Root(Path(os.fsdecode(system))), keep)
        self.sealed = _overrides(self.seal)
        self._pending: list[_Found] = [(b".", _entry(b".", system, os.lstat(system)))]
        self._only = only
        self._last: Entry | None = None
        self.left_out: dict[bytes, frozenset[int]] = {}
        self._exclusion = Exclusion(exclude)
        self._progress: dict[bytes, Progress] = {b".": self._exclusion.start}

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        if self._last is not None:
            below, only = _below(self._last, self.sealed), self._only
            if self._exclusion and self._last.is_directory:
                below = list(self._without(below, self._progress.pop(self._last.path)))
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
        """Skip everything below the entry that was returned last."""
        self._last = None

    @property
    def matched(self) -> tuple[str, ...]:
        """The patterns that left out something so far, in their order."""
        numbers = frozenset().union(*self.left_out.values())
        return tuple(text for number, text in enumerate(self._exclusion.texts) if number in numbers)

    def _without(self, below: Iterable[_Found], progress: Progress) -> Iterator[_Found]:
        """Yield what no pattern leaves out of a directory."""
        for path, found in below:
            mode = found.mode if isinstance(found, Entry) else found.stat(follow_symlinks=False).st_mode
            directory = stat.S_ISDIR(mode)
            matched, inside = self._exclusion.enter(progress, path.rpartition(b"/")[2], directory=directory)
            if matched and path not in _NEEDED:
                self.left_out[path] = matched
                continue
            if directory:
                self._progress[path] = inside
            yield path, found


def walk(system: bytes, keep: Iterable[str] = (), exclude: Iterable[str] = ()) -> Walk:
    """Return an iterator over all entries of a system."""
    return Walk(system, keep, exclude=exclude)


def pick(
    system: bytes, paths: Iterable[bytes], keep: Iterable[str] = (), exclude: Iterable[str] = ()
) -> Iterator[Entry]:
    """Yield the entries with these paths, in the order of a walk, without walking the rest of the system."""
    wanted = set(paths)
    on_the_way = {b"."} | {parent for path in wanted for parent in parents(path)}
    return (entry for entry in Walk(system, keep, wanted | on_the_way, exclude) if entry.path in wanted)


def parent_of(path: bytes) -> bytes:
    """Return the directory that contains `path`."""
    return path.rpartition(b"/")[0] or b"."


def parents(path: bytes) -> Iterator[bytes]:
    """Yield all directories above `path`, the nearest first."""
    while path != b".":
        path = parent_of(path)
        yield path


def _below(entry: Entry, sealed: Overrides) -> list[_Found]:
    """Return the children of an entry as a walk sees them, last name first."""
    if not entry.is_directory:
        return []
    if entry.path == b"dev":
        return [(b"dev/console", synthetic_entry(b"dev/console", stat.S_IFCHR | 0o600, rdev=os.makedev(5, 1)))]
    if entry.path in _EMPTIED:
        return []
    return _children(b"" if entry.path == b"." else entry.path, entry.source, sealed)


def _children(path: bytes, source: bytes, sealed: Overrides) -> list[_Found]:
    """Return the content of a directory, last name first."""
    found: dict[bytes, os.DirEntry[bytes] | Entry] = {}
    if source:
        with os.scandir(source) as listing:
            found = {entry.name: entry for entry in listing}
    for name, instead in sealed[path].items() if path in sealed else ():
        if instead is None:
            found.pop(name, None)
        elif name not in found or not instead.is_directory:
            found[name] = instead
    if path == b"":
        _arrange_top(found)
    elif path == b"etc":
        for name, replaced in TARGET_FILES.items():
            if name in found:
                found[replaced] = found.pop(name)
    prefix = path + b"/" if path else b""
    return [(prefix + name, found[name]) for name in sorted(found, key=order, reverse=True)]


def order(path: bytes) -> bytes:
    """Return a sort key that puts a directory's content right after it: no name contains a smaller byte."""
    return b"" if path == b"." else path.replace(b"/", b"\0")


def _arrange_top(found: dict[bytes, os.DirEntry[bytes] | Entry]) -> None:
    if PRIVATE in found:
        raise ImagerError("the system contains /.claylinux, which is reserved for Claylinux: remove it")
    found.pop(b".dockerenv", None)
    if b"init" in found:
        found[PRIVATE + b"/init.system"] = found.pop(b"init")
    for name, mode in MOUNT_POINTS.items():
        if name not in found:
            found[name] = synthetic_entry(name, stat.S_IFDIR | mode)


def _overrides(found: Seal) -> Overrides:
    """Return what a seal changes, by directory and name."""
    changed: dict[bytes, Entry | None] = {os.fsencode(path): None for path in found.left_out}
    for text, status in found.emptied.items():
        path = os.fsencode(text)
        changed[path] = synthetic_entry(path, status.st_mode)._replace(uid=status.st_uid, gid=status.st_gid)
    for text, (source, mode) in found.added.items():
        path = os.fsencode(text)
        changed[path] = synthetic_entry(path, mode, source=os.fsencode(source), size=source.lstat().st_size)
        for parent in parents(path):
            changed.setdefault(parent, synthetic_entry(parent, stat.S_IFDIR | 0o755))
    changed.pop(b".", None)
    made: dict[bytes, dict[bytes, Entry | None]] = {}
    for path, entry in changed.items():
        directory, _, name = path.rpartition(b"/")
        made.setdefault(directory, {})[name] = entry
    return made


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
