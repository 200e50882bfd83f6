"""Paths inside a system: symbolic links resolve as they would in the system itself, and never lead outside."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

_LINKS = 40
"""The number of symbolic links that Linux follows in one path (path_resolution(7))."""


@dataclass(frozen=True)
class Root:
    """The directory that is `/` in a system."""

    path: Path

    def resolve(self, inside: str) -> Path | None:
        """Return the place of `inside` with all symbolic links followed, or None if nothing is there."""
        place = self.place(inside)
        return place if place is not None and os.path.lexists(place) else None

    def place(self, inside: str) -> Path | None:
        """Return the place of `inside`, or where it would be created; None for too many levels of symbolic links.

        Absolute links and `..` start and end at this root. Missing components are taken literally.
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
        """Return the sorted names in the directory `inside`; none if it is not a directory."""
        place = self.resolve(inside)
        if place is None or not place.is_dir():
            return ()
        return tuple(sorted(child.name for child in place.iterdir()))

    def file(self, inside: str) -> Path | None:
        """Return the place of `inside` if it is a regular file or links to one."""
        place = self.resolve(inside)
        return place if place is not None and place.is_file() else None


def _parts(path: str) -> list[str]:
    """Return the components of a path, last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]
