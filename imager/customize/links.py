"""Symbolic links in a system.

BuildKit makes them itself only since 0.19; this way they are the same on every engine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.requests.files import Links


def run(request: Links) -> None:
    """Make every link. It replaces whatever stands in its place, unless that is a directory with content."""
    root = Root(Path(request.system))
    for path, wanted in request.link.items():
        make(root, path, wanted.target)


def make(root: Root, path: str, target: str) -> None:
    """Make `path` a link to `target`. Links on the way are followed, and missing directories are made."""
    directory, name = os.path.split(path.rstrip("/"))
    parent = root.place(directory)
    if parent is None:
        raise ImagerError(f"{path}: too many levels of symbolic links")
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    place = parent / name
    if place.is_dir() and not place.is_symlink():
        try:
            place.rmdir()
        except OSError:
            raise ImagerError(f"{path}: cannot become a link: a directory with files in it is there") from None
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(target)
