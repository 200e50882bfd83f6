"""A disk in which one bit is another one."""

from __future__ import annotations

import mmap
from pathlib import Path


def flip(image: Path, data: bytes) -> None:
    """Change one bit of the disk, in the middle of `data`, which has to be there."""
    with image.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        at = content.find(data)
        assert at > 0
        content[at + len(data) // 2] ^= 1
