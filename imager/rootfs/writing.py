"""The only way to change a system: what a path names is replaced, never written through.

Links on the way to a path are those of the system. A link at its end is replaced by what is written, as are pipes,
devices, and files that have other names. A directory keeps its time when something in it is replaced.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from imager.core import output
from imager.core.errors import ImagerError
from imager.rootfs.resolution import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.resolution import Place
    from imager.rootfs.root import Root
    from imager.rootfs.xattrs import Attributes

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Owner(NamedTuple):
    """The numbers of a user and a group."""

    uid: int
    gid: int


def write_file(
    root: Root,
    path: str,
    data: bytes,
    *,
    mode: int = 0o644,
    owner: Owner | None = None,
    epoch: int | None = None,
    keep: bool = False,
) -> None:
    """Write a file with `data`; see `new_file`."""
    with new_file(root, path, mode=mode, owner=owner, epoch=epoch, keep=keep) as fd:
        output.write_all(fd, data)


@contextmanager
def new_file(
    root: Root,
    path: str,
    *,
    mode: int = 0o644,
    owner: Owner | None = None,
    epoch: int | None = None,
    keep: bool = False,
    attributes: Attributes = (),
) -> Iterator[int]:
    """Yield a descriptor for writing a file; missing directories are made.

    Without `owner` it belongs to the user of this process, and without `epoch` it is new. `keep`: a file that is there
    already keeps its mode and owner. `attributes` are its extended ones.
    """
    with _changing(root, path, make=True) as place:
        old = _status(place)
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise ImagerError(f"/{path.lstrip('/')} must be a file, but is a directory")
        if keep and old is not None and stat.S_ISREG(old.st_mode):
            mode, owner = stat.S_IMODE(old.st_mode), Owner(old.st_uid, old.st_gid)
        if old is not None:
            os.unlink(place.name, dir_fd=place.directory)
        fd = os.open(place.name, _NEW, 0o600, dir_fd=place.directory)
        try:
            yield fd
            _set(fd, mode, owner, epoch, attributes)
        finally:
            os.close(fd)


def make_directory(
    root: Root,
    path: str,
    *,
    mode: int = 0o755,
    owner: Owner | None = None,
    epoch: int | None = None,
    attributes: Attributes = (),
) -> None:
    """Make a directory, or change the one that is there, also behind links. Raises ImagerError for anything else."""
    with _changing(root, path, make=True, follow=True) as place:
        old = _status(place)
        if old is None:
            os.mkdir(place.name, 0o755, dir_fd=place.directory)
        elif not stat.S_ISDIR(old.st_mode):
            raise ImagerError(f"/{path.strip('/')}: cannot become a directory: a file is there")
        fd = os.open(place.name, _DIRECTORY, dir_fd=place.directory)
        try:
            _set(fd, mode, owner, epoch, attributes)
        finally:
            os.close(fd)


def make_link(root: Root, path: str, target: str, *, owner: Owner | None = None, epoch: int | None = None) -> None:
    """Make a symbolic link. It replaces anything but a directory with content."""
    with _changing(root, path.rstrip("/"), make=True) as place:
        _clear(path, place)
        os.symlink(target, place.name, dir_fd=place.directory)
        if owner is not None:
            os.chown(place.name, *owner, dir_fd=place.directory, follow_symlinks=False)
        if epoch is not None:
            os.utime(place.name, (epoch, epoch), dir_fd=place.directory, follow_symlinks=False)


def make_name(root: Root, path: str, existing: str) -> None:
    """Make `path` another name of the file `existing`."""
    with _changing(root, path, make=True) as place, opened(root.path, existing, follow=False) as first:
        _clear(path, place)
        os.link(first.name, place.name, src_dir_fd=first.directory, dst_dir_fd=place.directory, follow_symlinks=False)


def make_node(root: Root, path: str, status: os.stat_result, *, mode: int, owner: Owner, epoch: int) -> None:
    """Make a pipe or a device, as `status` describes it."""
    with _changing(root, path, make=True) as place:
        _clear(path, place)
        os.mknod(place.name, stat.S_IFMT(status.st_mode) | 0o600, status.st_rdev, dir_fd=place.directory)
        os.chown(place.name, *owner, dir_fd=place.directory, follow_symlinks=False)
        os.chmod(place.name, mode, dir_fd=place.directory)  # it was made just now, and is no link
        os.utime(place.name, (epoch, epoch), dir_fd=place.directory, follow_symlinks=False)


def remove(root: Root, path: str) -> int:
    """Remove a file or link if it is there, or an empty directory; return the size of the removed file."""
    with suppress(FileNotFoundError, NotADirectoryError), opened(root.path, path, follow=False) as place:
        status = os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            with suppress(OSError):  # it has content
                os.rmdir(place.name, dir_fd=place.directory)
            return 0
        os.unlink(place.name, dir_fd=place.directory)
        return status.st_size if stat.S_ISREG(status.st_mode) else 0
    return 0


def set_time(root: Root, path: str, epoch: int) -> None:
    """Date a path that is there, without following a link."""
    with suppress(FileNotFoundError, NotADirectoryError), opened(root.path, path, follow=False) as place:
        os.utime(place.name, (epoch, epoch), dir_fd=place.directory, follow_symlinks=False)


@contextmanager
def _changing(root: Root, path: str, *, make: bool, follow: bool = False) -> Iterator[Place]:
    """Yield a place to change; its directory keeps its time. What goes wrong is told of the path in the system."""
    try:
        with opened(root.path, path, follow=follow, make=make) as place:
            before = os.stat(".", dir_fd=place.directory)
            yield place
            os.utime(".", ns=(before.st_atime_ns, before.st_mtime_ns), dir_fd=place.directory)
    except OSError as error:
        if error.errno in _FULL:
            raise
        reason = (error.strerror or str(error)).lower()
        raise ImagerError(f"/{path.strip('/')} cannot be written: {reason}") from None


def _status(place: Place) -> os.stat_result | None:
    try:
        return os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _clear(path: str, place: Place) -> None:
    """Remove what is in the way of a link."""
    status = _status(place)
    if status is None:
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(place.name, dir_fd=place.directory)
        return
    try:
        os.rmdir(place.name, dir_fd=place.directory)
    except OSError:
        raise ImagerError(f"/{path.strip('/')}: cannot become a link: a directory with files in it is there") from None


def _set(fd: int, mode: int, owner: Owner | None, epoch: int | None, attributes: Attributes) -> None:
    if owner is not None:
        os.fchown(fd, *owner)
    os.fchmod(fd, mode)  # after the owner, whose change drops setuid and capabilities
    for name, value in attributes:
        os.setxattr(fd, name, value)
    if epoch is not None:
        os.utime(fd, (epoch, epoch))
