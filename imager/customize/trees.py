"""Directories that are copied into a system, through the links to directories that it has.

BuildKit's copy fails where the source has a directory and the system a link, such as /lib. A link to a directory stays,
as with `rsync --keep-dirlinks`. A directory is never replaced by something else.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, terminal
from imager.core.errors import ImagerError
from imager.customize.directories import numbers
from imager.rootfs import writing, xattrs
from imager.rootfs.accounts import Accounts
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.requests.files import Tree

_EMPTY_AT_BOOT = ("dev", "proc", "run", "sys", "tmp")
_SHOWN = 3


def run(request: Tree) -> None:
    """Copy everything."""
    copier = _Copier(request)
    copier.make_top()
    for path, status in copier.source.walk(""):
        copier.copy(path, status)
    if copier.lost:
        shown = ", ".join(f"/{path}" for path in copier.lost[:_SHOWN])
        more = f" and {len(copier.lost) - _SHOWN} more" if len(copier.lost) > _SHOWN else ""
        text = f"files: {request.path}: the running system does not see {shown}{more}: this place is empty at boot"
        terminal.tell(f"imager: warning: {text}", error=True)


class _Copier:
    """One source on its way into one system. `lost` are files that the running system will not see."""

    def __init__(self, request: Tree) -> None:
        self.source = Root(Path(request.source))
        self.lost: list[str] = []
        self._root = Root(Path(request.system))
        self._request = request
        wanted = request.wanted.owner
        self._owner = writing.Owner(*numbers(Accounts.load(self._root), wanted)) if wanted else None
        self._names: dict[tuple[int, int], str] = {}
        """Where a file with several names is, by its device and number in the source."""

    def make_top(self) -> None:
        """Make the directory that gets the content; one that is there stays as it is."""
        path = self._request.path.strip("/")
        status = self.source.status("")
        assert status is not None
        self._check("", path, status)
        if path and self._root.status(path) is None:
            self._make_directory("", path, status)

    def copy(self, path: str, status: os.stat_result) -> None:
        """Copy one entry of the source."""
        target = f"{self._request.path.strip('/')}/{path}".lstrip("/")
        self._check(path, target, status)
        if stat.S_ISDIR(status.st_mode):
            self._make_directory(path, target, status)
        elif stat.S_ISLNK(status.st_mode):
            link = self.source.target(path) or ""
            writing.make_link(self._root, target, link, owner=self._owner_of(status), epoch=self._request.epoch)
        elif stat.S_ISREG(status.st_mode):
            self._copy_file(path, target, status)
            real = self._root.real(target)
            if real and real.partition("/")[0] in _EMPTY_AT_BOOT:
                self.lost.append(real)
        elif not stat.S_ISSOCK(status.st_mode):
            mode, owner = self._mode_of(status), self._owner_of(status)
            writing.make_node(self._root, target, status, mode=mode, owner=owner, epoch=self._request.epoch)

    def _copy_file(self, path: str, target: str, status: os.stat_result) -> None:
        identity = (status.st_dev, status.st_ino)
        if identity in self._names:
            writing.make_name(self._root, target, self._names[identity])
            return
        if status.st_nlink > 1:
            self._names[identity] = target
        with (
            self.source.opening(path) as old,
            writing.new_file(
                self._root,
                target,
                mode=self._mode_of(status),
                owner=self._owner_of(status),
                epoch=self._request.epoch,
                attributes=self._attributes(path),
            ) as new,
        ):
            assert old is not None
            output.copy_at(old, new, 0, status.st_size)
            output.truncate(new, status.st_size)

    def _make_directory(self, path: str, target: str, status: os.stat_result) -> None:
        writing.make_directory(
            self._root,
            target,
            mode=self._mode_of(status),
            owner=self._owner_of(status),
            epoch=self._request.epoch,
            attributes=self._attributes(path),
        )

    def _check(self, path: str, target: str, status: os.stat_result) -> None:
        """Raise ImagerError where the system has something that the source must not replace."""
        own = self._root.status(target, follow=False)
        if own is None:
            return
        seen = self._root.status(target)
        is_directory = seen is not None and stat.S_ISDIR(seen.st_mode)
        if stat.S_ISDIR(status.st_mode):
            fits = is_directory or seen is None
        elif stat.S_ISLNK(status.st_mode):
            fits = not stat.S_ISDIR(own.st_mode) or not self._root.names(target)
        else:
            fits = not is_directory
        if not fits:
            there = self._root.real(target)
            linked = f", through the link /{target}" if there != target else ""
            raise ImagerError(
                f"files: {self._request.path}: the source has {_kind(status)} {path or '.'}, but the system has "
                f"{_kind(seen or own)} /{there}{linked}: rename or remove one of them"
            )

    def _mode_of(self, status: os.stat_result) -> int:
        """Return the wanted mode; who may read a directory may enter it."""
        mode = self._request.wanted.mode
        if mode is None:
            return stat.S_IMODE(status.st_mode)
        return mode | (mode & 0o444) >> 2 if stat.S_ISDIR(status.st_mode) else mode

    def _owner_of(self, status: os.stat_result) -> writing.Owner:
        return self._owner or writing.Owner(status.st_uid, status.st_gid)

    def _attributes(self, path: str) -> xattrs.Attributes:
        return xattrs.read(os.fsencode(self.source.path / path))


def _kind(status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return "a directory"
    return "a link" if stat.S_ISLNK(status.st_mode) else "a file"
