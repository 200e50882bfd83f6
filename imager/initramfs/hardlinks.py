"""Files with several names (hard links) in a stage of a system, and in the stage below it.

A file stays when every name that it has was a name of one file below, and is the same still. All its names are in one
segment then, and one file when that is unpacked or mounted; what happens to other names of the file below does not
touch them. Of a file that fell apart one part can stay, or all names would be one file again. Of the others all names
are packed again.

On overlayfs a walk leaves out directories that both stages share. The names there stay, and all names of their inodes
with them. Mostly nothing else depends on them: when it does, `Outcome.complete` says no.
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
    """The names to pack, and which files of the stage below stay under at least one name.

    `complete`: names that were not seen cannot change that.
    """

    changed: tuple[Change, ...]
    alive: frozenset[Identity]
    complete: bool


class Links:
    """The names of files that have several in either stage."""

    def __init__(self) -> None:
        self._files: dict[Identity, list[Change]] = {}
        self._same: set[bytes] = set()
        self._below: dict[Identity, list[Entry]] = {}

    def add(self, change: Change, *, same: bool) -> None:
        """Take a name that the stage has; `same`: the stage below has it too, with the same content and status."""
        self._files.setdefault(change.entry.identity, []).append(change)
        if same:
            self._same.add(change.entry.path)

    def add_below(self, entry: Entry) -> None:
        """Take a name that the stage below has, whether or not it is still there."""
        self._below.setdefault(entry.identity, []).append(entry)

    def finish(self) -> Outcome:
        """Decide, when all names were added."""
        stays: dict[Identity, Identity] = {}
        for identity, names in self._files.items():
            origin = self._origin(names)
            if origin is not None:
                stays.setdefault(origin, identity)
        kept = set(stays.values())
        changed = (change for identity, names in self._files.items() if identity not in kept for change in names)
        return Outcome(tuple(changed), frozenset(stays), self._is_complete(stays))

    def _origin(self, names: list[Change]) -> Identity | None:
        """Give the file below that a file, as far as its names were seen, is a part of."""
        origins = {old.identity if old is not None and new.path in self._same else None for new, old in names}
        return origins.pop() if len(origins) == 1 else None

    def _is_complete(self, stays: dict[Identity, Identity]) -> bool:
        # Whatever names of one inode were not seen, it has them in both stages.
        sure = {pair for pair in stays.items() if _same_inode(self._files[pair[1]][0])}
        below = self._below.keys() - {origin for origin, _ in sure}
        files = self._files.keys() - {identity for _, identity in sure}
        return all(len(self._below[each]) >= self._below[each][0].nlink for each in below) and all(
            len(self._files[each]) >= self._files[each][0].entry.nlink for each in files
        )


def _same_inode(change: Change) -> bool:
    new, old = change
    return old is not None and new.identity[1] == old.identity[1] and new.stamp == old.stamp
