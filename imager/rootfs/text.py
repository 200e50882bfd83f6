"""Small text files of a system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.rootfs.root import Root


def write(root: Root, path: str, text: str, epoch: int, mode: int = 0o644) -> None:
    """Write a file owned by root and dated `epoch`; missing parent directories are created."""
    place = root.place(path)
    if place is None:
        raise ImagerError(f"/{path}: too many levels of symbolic links")
    if place.is_dir():
        raise ImagerError(f"/{path} must be a file, but is a directory")
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)
    os.chown(place, 0, 0)
    os.utime(place, (epoch, epoch))


def read(root: Root, path: str) -> str:
    """Return the text of a file, or an empty text if there is none."""
    place = root.file(path)
    return place.read_text(errors="surrogateescape") if place else ""
