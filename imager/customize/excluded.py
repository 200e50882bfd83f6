"""Removing what the image for registries does not have: the other formats leave it out when they are packed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.rootfs import tree, writing
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.requests.files import Exclude


def run(request: Exclude) -> None:
    """Remove every match with all that is in it. Directories above stay, even if they are empty then."""
    root = Root(Path(request.system))
    walk = tree.walk(os.fsencode(root.path), exclude=request.pattern)
    for _ in walk:
        pass
    for top in map(os.fsdecode, walk.left_out):
        status = root.status(top, follow=False)
        inside = [path for path, _ in root.walk(top)] if status and stat.S_ISDIR(status.st_mode) else []
        for path in reversed(inside):
            writing.remove(root, f"{top}/{path}")
        writing.remove(root, top)
        writing.set_time(root, top.rpartition("/")[0], request.epoch)
