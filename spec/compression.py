"""How a system can be compressed: one row for each kind, with its levels."""

from __future__ import annotations

from typing import NamedTuple

NONE = "none"


class Levels(NamedTuple):
    """The first, last and default level of a kind of compression."""

    first: int
    last: int
    default: int


LEVELS: dict[str, Levels] = {
    "gz": Levels(1, 9, 6),
    "lz4": Levels(1, 12, 1),
    "xz": Levels(0, 9, 6),
    # 22 needs a window of 128 MiB, the most that the kernel allows.
    "zstd": Levels(1, 22, 3),
}
"""By name. A new kind is a row here, one in `imager.archive.compressors`, and its program in Dockerfile.frontend."""
