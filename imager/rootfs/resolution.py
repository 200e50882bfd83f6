"""Paths as a system itself resolves them, one component at a time, from the directory that is its `/`.

Each directory is opened relative to the one above it and never through a link; links are read and resolved here. So
neither a planted link nor a change during the walk leads outside of the system.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What tells that a path leads nowhere."""
_LINKS = 40
"""The number of symbolic links that Linux follows in one path (path_resolution(7))."""
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Place(NamedTuple):
    """An entry `name` of the open `directory`, "." for that directory itself. `path` is without links."""

    directory: int
    name: str
    path: str


@contextmanager
def opened(top: Path, inside: str, *, follow: bool = True, make: bool = False) -> Iterator[Place]:
    """Yield the place of `inside`, whether or not something is there. Raises OSError if a directory is missing.

    `follow`: a link at the end counts as what it leads to. `make`: missing directories are made.
    """
    way = _Way(top, inside)
    try:
        name = way.walk(follow=follow, make=make)
        yield Place(way.directories[-1], name, "/".join((*way.names, *(() if name == "." else (name,)))))
    finally:
        way.close()


def literal(top: Path, inside: str) -> str:
    """Return the path of `inside` without links. Missing components are taken literally. Raises OSError."""
    way = _Way(top, inside)
    try:
        name = way.walk(follow=True, make=False)
        rest = [] if name == "." else [name]
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise
        rest = way.todo[::-1]
    finally:
        way.close()
    for part in rest:
        way.names = way.names[:-1] if part == ".." else [*way.names, part]
    return "/".join(way.names)


class _Way:
    """The open directories on the way of a path, and the components that are still to walk, last one first."""

    def __init__(self, top: Path, inside: str) -> None:
        self.directories = [os.open(top, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
        self.names: list[str] = []
        self.todo = _parts(inside)
        self._links = 0

    def walk(self, *, follow: bool, make: bool) -> str:
        """Enter all directories; return the last component, or "." if the path leads to an entered directory."""
        while self.todo:
            part = self.todo.pop()
            if part == "..":
                self._leave()
            elif not self.todo:
                if not follow or not self._follow(part):
                    return part
            elif not self._enter(part, make=make) and not self._follow(part):
                self.todo.append(part)
                raise _error(errno.ENOTDIR, part)
        return "."

    def close(self) -> None:
        """Close all directories."""
        while self.directories:
            os.close(self.directories.pop())

    def _enter(self, part: str, *, make: bool) -> bool:
        """Enter a directory; return False if something else is there."""
        try:
            self.directories.append(os.open(part, _DIRECTORY, dir_fd=self.directories[-1]))
        except NotADirectoryError:
            return False
        except FileNotFoundError:
            self.todo.append(part)
            if not make:
                raise
            os.mkdir(part, 0o755, dir_fd=self.directories[-1])
            return True
        self.names.append(part)
        return True

    def _leave(self) -> None:
        if self.names:
            self.names.pop()
            os.close(self.directories.pop())

    def _follow(self, part: str) -> bool:
        """Continue with the target of a link; return False if there is none."""
        try:
            target = os.readlink(part, dir_fd=self.directories[-1])
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return False
            raise
        self._links += 1
        if self._links > _LINKS:
            raise _error(errno.ELOOP, part)
        if target.startswith("/"):
            while self.names:
                self._leave()
        self.todo += _parts(target)
        return True


def _parts(path: str) -> list[str]:
    """Return the components of a path, last one first."""
    if "\0" in path:
        raise _error(errno.ENOENT, path)  # no name has one
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
