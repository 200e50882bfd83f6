"""Symbolic links in a system.

BuildKit makes them itself only since 0.19; this way they are the same on every engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.rootfs.root import Root
from imager.rootfs.writing import make_link

if TYPE_CHECKING:
    from imager.requests.files import Links


def run(request: Links) -> None:
    """Make every link. It replaces whatever stands in its place, unless that is a directory with content."""
    root = Root(Path(request.system))
    for path, wanted in request.link.items():
        make_link(root, path, wanted.target)
