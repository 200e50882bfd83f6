"""How the builder stores the trees that a build step sees."""

from __future__ import annotations

import os
import re
from pathlib import Path

_OCTAL = re.compile(rb"\\([0-7]{3})")
_MOUNTS = Path("/proc/self/mountinfo")


def is_overlay(tree: bytes) -> bool:
    """Return whether a tree is an overlay of layers.

    In an overlay, a directory with the same inode and the same times in two stages has identical content, down to the
    last file: any change below a directory puts a copy of that directory, with another inode, into the layer of the
    change.
    """
    place = os.path.realpath(tree)
    kinds = dict(_mounts()) if _MOUNTS.exists() else {}
    while place not in kinds and place != b"/":
        place = os.path.dirname(place)  # noqa: PTH120 - bytes
    return kinds.get(place) == b"overlay"


def _mounts() -> list[tuple[bytes, bytes]]:
    """Return pairs of mount point and type (proc_pid_mountinfo(5)); the last mount at a place hides the others."""
    found = []
    for line in _MOUNTS.read_bytes().splitlines():
        fields, _, rest = line.partition(b" - ")
        point = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields.split()[4])
        found.append((point, rest.split()[0]))
    return found
