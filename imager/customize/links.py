"""Symbolic links in a system.

BuildKit makes them itself only since 0.19; this way they are the same on every engine.
Each link is a JSON object: `path` in the system, and `target`, as it is written into the link.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.contract import Link


def run(request: Link) -> None:
    """Make every link; what stands in its place is replaced, unless it is a directory with something in it."""
    root = Root(Path(request.system))
    for link in request.link:
        wanted = json.loads(link)
        make(root, wanted["path"], wanted["target"])


def make(root: Root, path: str, target: str) -> None:
    """Make `path` a link to `target`; directories on the way are made, and links on the way are followed."""
    folder, name = os.path.split(path.rstrip("/"))
    parent = root.place(folder)
    if parent is None:
        raise ImagerError(f"{path}: the links on the way go in circles")
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
