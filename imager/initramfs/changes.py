"""The changes that one stage of a system made to the stage below it.

Two paths are equal if they have the same type, mode, owner, shipped time, size, target, attributes and content. Content
is compared only if necessary: if both stages share a file on the builder's file system, it has the same inode with the
same times in both. On overlayfs this is true for whole directories.

The names of one file (hard links) belong together: see `hardlinks`.
"""

from __future__ import annotations

import heapq
import os
import stat
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from imager.core import clock, output, sparse
from imager.initramfs import snapshots
from imager.initramfs.change import Change
from imager.initramfs.hardlinks import Links
from imager.rootfs import tree, xattrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.initramfs.hardlinks import Outcome
    from imager.rootfs.tree import Entry, Walk

_CHUNK = 1 << 18
_SECOND = 10**9
_NONE = (0, 0)


@dataclass(frozen=True)
class Changes:
    """All differences, in the order of a walk.

    `removed` contains the paths that are below but not in the system, including each path in a removed directory.
    `unchanged_parents` are the unchanged directories above any changed or removed path. `alive` identifies the files
    below with several names that stay unchanged under at least one of them. `matched` are the patterns that left out
    something of the system, as far as it had to be looked at.
    """

    changed: tuple[Change, ...]
    removed: tuple[Entry, ...]
    unchanged_parents: tuple[Entry, ...]
    alive: frozenset[tuple[int, int]] = frozenset()
    matched: tuple[str, ...] = ()

    @property
    def dead(self) -> tuple[Entry, ...]:
        """The files below whose content is no longer visible."""
        gone = (*(change.below for change in self.changed), *self.removed)
        return tuple(
            entry for entry in gone if entry is not None and entry.is_file and entry.identity not in self.alive
        )


def compare(below: bytes, system: bytes, epoch: int, keep: Iterable[str] = (), exclude: Iterable[str] = ()) -> Changes:
    """Compare two trees; walk through all of both only if skipping their shared parts might hide a change.

    Paths in `keep` ship with the system, and were not shipped with the stage below. What matches `exclude` is in none.
    """
    if snapshots.is_overlay(system):
        found, complete = _compare_walks(below, system, epoch, keep, exclude, prune=True)
        if complete:
            return found
    found, _ = _compare_walks(below, system, epoch, keep, exclude, prune=False)
    return found


def _compare_walks(
    below: bytes, system: bytes, epoch: int, keep: Iterable[str] = (), exclude: Iterable[str] = (), *, prune: bool
) -> tuple[Changes, bool]:
    """Return the changes, and whether they are sure to be complete despite the skipped parts."""
    found = _Finding()
    links = Links()
    olds, news = tree.walk(below, exclude=exclude), tree.walk(system, keep, exclude)
    for old, new in _pairs(olds, news, prune=prune):
        if old is not None and old.is_file and old.nlink > 1:
            links.add_below(old)
        if new is None:
            assert old is not None
            found.removed.append(_slim(old, source=_big(old)))
            continue
        if new.is_directory:
            found.directories[new.path] = _slim(new, source=new.source)
        same = old is not None and _same(old, new, epoch)
        if new.is_file and (new.nlink > 1 or (old is not None and old.nlink > 1)):
            links.add(Change(new, old), same=same)
        elif not same:
            before = _slim(old._replace(path=new.path), source=_big(old)) if old is not None else None
            found.changed.append(Change(_slim(new, source=new.source), before))
    outcome = links.finish()
    return replace(found.finish(outcome), matched=news.matched), outcome.complete


def _slim(entry: Entry, source: bytes = b"") -> Entry:
    """Return an entry without the fields that only the comparison needs, a third of its size: there may be many."""
    shared = entry.nlink > 1 and entry.is_file
    return entry._replace(source=source, stamp=_NONE, identity=entry.identity if shared else _NONE)


def _big(entry: Entry) -> bytes:
    """Return the source of a file that may have holes: its data is counted."""
    return entry.source if entry.is_file and entry.size >= sparse.BLOCK else b""


@dataclass
class _Finding:
    changed: list[Change] = field(default_factory=list)
    removed: list[Entry] = field(default_factory=list)
    directories: dict[bytes, Entry] = field(default_factory=dict)

    def finish(self, links: Outcome) -> Changes:
        linked = sorted(links.changed, key=_order)
        self.changed = list(heapq.merge(self.changed, linked, key=_order)) if linked else self.changed
        touched = {change.entry.path for change in self.changed if change.entry.is_directory}
        above: dict[bytes, Entry] = {}
        for entry in chain((change.entry for change in self.changed), self.removed):
            for parent in tree.parents(entry.path):
                if parent in self.directories and parent not in touched:
                    above[parent] = self.directories[parent]
        directories = sorted(above.values(), key=lambda entry: entry.order)
        return Changes(tuple(self.changed), tuple(self.removed), tuple(directories), links.alive)


def _order(change: Change) -> bytes:
    return change.entry.order


def _pairs(olds: Walk, news: Walk, *, prune: bool) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield the entries of two walks, paired by path; `prune` skips the content of directories that both share."""
    sealed = {
        each for each in olds.sealed.keys() | news.sealed.keys() if olds.sealed.get(each) != news.sealed.get(each)
    }
    differing = {each for path in sealed for each in (path or b".", *tree.parents(path or b"."))}
    old, new = next(olds, None), next(news, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.order < new.order):
            yield old, None
            old = next(olds, None)
        elif old is None or new.order < old.order:
            yield None, new
            new = next(news, None)
        else:
            yield old, new
            if prune and new.is_directory and new.path not in differing and _same_inode(old, new):
                olds.prune()
                news.prune()
            old, new = next(olds, None), next(news, None)


def _same(old: Entry, new: Entry, epoch: int) -> bool:
    if (old.mode, old.uid, old.gid) != (new.mode, new.uid, new.gid):
        return False
    if not old.source or not new.source:
        return old.source == new.source and old.rdev == new.rdev
    if _same_inode(old, new):
        return True
    if clock.clamp(old.mtime, epoch) != clock.clamp(new.mtime, epoch) or xattrs.read(old.source) != xattrs.read(
        new.source
    ):
        return False
    if stat.S_ISLNK(new.mode):
        return os.readlink(old.source) == os.readlink(new.source)  # noqa: PTH115 - Path would tidy the target
    if new.is_file:
        return old.size == new.size and _same_bytes(old.source, new.source, new.size)
    return new.is_directory or old.rdev == new.rdev


def _same_inode(old: Entry, new: Entry) -> bool:
    """Return whether both are one inode. The kernel sets times with fractions; files with other times are compared."""
    return (
        old.identity[1] == new.identity[1]
        and old.stamp == new.stamp
        and old.size == new.size
        and new.stamp[1] % _SECOND != 0
    )


def _same_bytes(old: bytes, new: bytes, size: int) -> bool:
    with output.reading(old) as one, output.reading(new) as other:
        done = 0
        for low, high in heapq.merge(output.stored_ranges(one, 0, size), output.stored_ranges(other, 0, size)):
            for start in range(max(low, done), high, _CHUNK):
                length = min(_CHUNK, high - start)
                if output.read_at(one, start, length) != output.read_at(other, start, length):
                    return False
            done = max(high, done)
        return True
