"""Paths inside a system, never outside: symbolic links are read as the system itself would."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

_LINKS = 40
"""How many symbolic links Linux follows in one path (path_resolution(7))."""


@dataclass(frozen=True)
class Root:
    """The directory that is `/` for a system."""

    path: Path

    def resolve(self, inside: str) -> Path | None:
        """Give the place of `inside` with all symbolic links followed; None when there is nothing."""
        place = self.place(inside)
        return place if place is not None and os.path.lexists(place) else None

    def place(self, inside: str) -> Path | None:
        """Give where `inside` is, or would be made; None when links go in circles.

        Absolute links and `..` start and end at this root. What does not exist is taken literally.
        """
        todo = _parts(inside)
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                done = done[:-1]
                continue
            try:
                target = os.readlink(self.path.joinpath(*done, part))  # noqa: PTH115 - a plain str
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                    raise
                done.append(part)
                continue
            links += 1
            if links > _LINKS:
                return None
            if target.startswith("/"):
                done = []
            todo += _parts(target)
        return self.path.joinpath(*done)

    def names(self, inside: str) -> tuple[str, ...]:
        """Give the sorted names in the directory `inside`; nothing when it is not one."""
        place = self.resolve(inside)
        if place is None or not place.is_dir():
            return ()
        return tuple(sorted(child.name for child in place.iterdir()))

    def file(self, inside: str) -> Path | None:
        """Give the place of `inside` when it is, or links to, a regular file."""
        place = self.resolve(inside)
        return place if place is not None and place.is_file() else None


def _parts(path: str) -> list[str]:
    """Split a path, last component first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]
