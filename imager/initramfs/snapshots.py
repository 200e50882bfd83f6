"""How the builder keeps the trees that a build step sees."""

from __future__ import annotations

import os
import re
from pathlib import Path

_OCTAL = re.compile(rb"\\([0-7]{3})")
_MOUNTS = Path("/proc/self/mountinfo")


def is_overlay(tree: bytes) -> bool:
    """Tell whether a tree is an overlay of layers.

    Then a directory that has the same inode with the same times in two stages is the same down to its last file:
    whatever changes below a directory puts one of that name, with another inode, into the layer of the change.
    """
    place = os.path.realpath(tree)
    kinds = dict(_mounts()) if _MOUNTS.exists() else {}
    while place not in kinds and place != b"/":
        place = os.path.dirname(place)  # noqa: PTH120 - bytes
    return kinds.get(place) == b"overlay"


def _mounts() -> list[tuple[bytes, bytes]]:
    """Give mount points and kinds of file systems (proc_pid_mountinfo(5)); the last one at a place is the one seen."""
    found = []
    for line in _MOUNTS.read_bytes().splitlines():
        fields, _, rest = line.partition(b" - ")
        point = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields.split()[4])
        found.append((point, rest.split()[0]))
    return found
