"""Files with several names (hard links) in a stage of a system and in the stage below it.

A file stays if each of its names was a name of the same file below and is unchanged. Then all its names are in one
segment and still are one file after unpacking or mounting; changes to other names of the file below do not matter. If a
file was split, only one part can stay, or else all names would be one file again. All names of other files are packed
again.

On overlayfs a walk skips directories that both stages share. The names there stay, and with them all names of their
inodes. Usually nothing else depends on them; `Outcome.complete` is false if something does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imager.initramfs.change import Change
    from imager.rootfs.tree import Entry

Identity = tuple[int, int]


@dataclass(frozen=True)
class Outcome:
    """The names to pack, and the files of the stage below that stay under at least one name.

    `complete` says that names in skipped directories cannot change this.
    """

    changed: tuple[Change, ...]
    alive: frozenset[Identity]
    complete: bool


class Links:
    """The names of files that have several names in either stage."""

    def __init__(self) -> None:
        self._files: dict[Identity, list[Change]] = {}
        self._same: set[bytes] = set()
        self._below: dict[Identity, list[Entry]] = {}

    def add(self, change: Change, *, same: bool) -> None:
        """Add a name in the stage; `same` says that the stage below has it with equal content and status."""
        self._files.setdefault(change.entry.identity, []).append(change)
        if same:
            self._same.add(change.entry.path)

    def add_below(self, entry: Entry) -> None:
        """Add a name in the stage below, whether or not it still exists."""
        self._below.setdefault(entry.identity, []).append(entry)

    def finish(self) -> Outcome:
        """Return the outcome after all names were added."""
        stays: dict[Identity, Identity] = {}
        for identity, names in self._files.items():
            origin = self._origin(names)
            if origin is not None:
                stays.setdefault(origin, identity)
        kept = set(stays.values())
        changed = (change for identity, names in self._files.items() if identity not in kept for change in names)
        return Outcome(tuple(changed), frozenset(stays), self._is_complete(stays))

    def _origin(self, names: list[Change]) -> Identity | None:
        """Return the file below of which a file is a part, judging by the names that were added."""
        origins = {old.identity if old is not None and new.path in self._same else None for new, old in names}
        return origins.pop() if len(origins) == 1 else None

    def _is_complete(self, stays: dict[Identity, Identity]) -> bool:
        # If some names of one inode were skipped, both stages have them.
        sure = {pair for pair in stays.items() if _same_inode(self._files[pair[1]][0])}
        below = self._below.keys() - {origin for origin, _ in sure}
        files = self._files.keys() - {identity for _, identity in sure}
        return all(len(self._below[each]) >= self._below[each][0].nlink for each in below) and all(
            len(self._files[each]) >= self._files[each][0].entry.nlink for each in files
        )


def _same_inode(change: Change) -> bool:
    new, old = change
    return old is not None and new.identity[1] == old.identity[1] and new.stamp == old.stamp
