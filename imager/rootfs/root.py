"""The only way to read a system: its own links, regular files, sizes within limits.

Whoever made the system may have planted links that lead outside on the builder, pipes and devices to wait for, and
files without end. tests/unit/imager/test_door.py keeps the rest of the imager from opening files in another way.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imager.core import output
from imager.core.errors import ImagerError
from imager.rootfs.resolution import ABSENT, literal, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.resolution import Place

SMALL = 16 << 20
"""The most bytes that a file for people may have: accounts, settings, lists of a distribution."""
LARGE = 64 << 20
"""The same for databases of packages."""
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = _FILE | os.O_DIRECTORY


class _Found(NamedTuple):
    place: Place
    status: os.stat_result


@dataclass(frozen=True)
class Root:
    """The directory that is `/` in a system."""

    path: Path

    def real(self, inside: str) -> str | None:
        """Return the path of `inside` in the system with all links followed, or None if nothing is there."""
        with self._found(inside) as found:
            return found.place.path if found else None

    def resolve(self, inside: str) -> Path | None:
        """Return the same as a path of the builder."""
        real = self.real(inside)
        return None if real is None else self.path / real

    def place(self, inside: str) -> Path | None:
        """Return the place of `inside`, or where it would be created; None for too many levels of symbolic links.

        Absolute links and `..` start and end at this root. Missing components are taken literally.
        """
        try:
            return self.path / literal(self.path, inside)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            return None

    def status(self, inside: str, *, follow: bool = True) -> os.stat_result | None:
        """Return what stat(2) says of `inside`, or None if nothing is there."""
        with self._found(inside, follow=follow) as found:
            return found.status if found else None

    def target(self, inside: str) -> str | None:
        """Return the target of the link `inside` as it is written, or None if it is not a link."""
        with self._found(inside, follow=False) as found:
            if found is None or not stat.S_ISLNK(found.status.st_mode):
                return None
            return os.readlink(found.place.name, dir_fd=found.place.directory)

    def names(self, inside: str) -> tuple[str, ...]:
        """Return the sorted names in the directory `inside`; none if it is not a directory."""
        with self._listing(inside) as directory:
            return tuple(sorted(os.listdir(directory))) if directory is not None else ()  # noqa: PTH208 - a descriptor

    def walk(self, inside: str) -> Iterator[tuple[str, os.stat_result]]:
        """Yield everything below the directory `inside`, by its path from there; a directory before its content."""
        pending = [""]
        while pending:
            above = pending.pop()
            with self._listing(f"{inside}/{above}") as directory:
                names = sorted(os.listdir(directory)) if directory is not None else ()  # noqa: PTH208 - a descriptor
                found = [(f"{above}{name}", os.lstat(name, dir_fd=directory)) for name in names]
            for path, status in found:
                yield path, status
                pending += [f"{path}/"] if stat.S_ISDIR(status.st_mode) else []

    def file(self, inside: str) -> Path | None:
        """Return the place of `inside` if it is a regular file or links to one."""
        with self._found(inside) as found:
            return self.path / found.place.path if found and stat.S_ISREG(found.status.st_mode) else None

    @contextmanager
    def opening(self, inside: str) -> Iterator[int | None]:
        """Yield a descriptor for reading `inside`, or None if it is not a regular file."""
        with self._found(inside) as found:
            if found is None or not stat.S_ISREG(found.status.st_mode):
                yield None
                return
            fd = os.open(found.place.name, _FILE, dir_fd=found.place.directory)
            try:
                yield fd
            finally:
                os.close(fd)

    def read(self, inside: str, limit: int = SMALL) -> bytes | None:
        """Return the content of `inside`, or None if it is not a regular file. Raises ImagerError above the limit."""
        with self.opening(inside) as fd:
            if fd is None:
                return None
            size = os.fstat(fd).st_size
            if size > limit:
                raise ImagerError(f"/{inside.lstrip('/')} has {size:,} bytes: such a file may have {limit:,}")
            return output.read_at(fd, 0, size)

    def head(self, inside: str, size: int) -> bytes:
        """Return the first bytes of `inside`, fewer if it has fewer; none if it is not a regular file."""
        with self.opening(inside) as fd:
            return os.pread(fd, size, 0) if fd is not None else b""

    @contextmanager
    def _listing(self, inside: str) -> Iterator[int | None]:
        """Yield a descriptor for listing `inside`, or None if it is not a directory."""
        with self._found(inside) as found:
            if found is None or not stat.S_ISDIR(found.status.st_mode):
                yield None
                return
            fd = os.open(found.place.name, _DIRECTORY, dir_fd=found.place.directory)
            try:
                yield fd
            finally:
                os.close(fd)

    @contextmanager
    def _found(self, inside: str, *, follow: bool = True) -> Iterator[_Found | None]:
        """Yield the place of what exists, else None."""
        with ExitStack() as stack:
            found = None
            try:
                place = stack.enter_context(opened(self.path, inside, follow=follow))
                found = _Found(place, os.stat(place.name, dir_fd=place.directory, follow_symlinks=False))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
            yield found
