"""Files with holes that are packed without them, as the records from which our init restores them.

A cpio archive has no holes: the kernel would fill the memory with zeros. In a squashfs holes cost nothing, but the
programs that make one write every zero of them, and tar2sqfs ends with a crash where a file has half a terabyte. So
such a file is packed as its data only, and init moves that to its places. docs/internals/initramfs.md has the format.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imager.core import sparse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.core.sparse import Condensed, Ranges

_WORTH = 1 << 30
"""Bytes of holes, and of data at most, for which a layer has a file without its holes: its data is in memory then."""
_IN_MEMORY = 64 << 20
_MOST_IN_LAYER = 256 << 30
"""The size of a file that tar2sqfs can do, with room to spare."""


def condense_in_layer(size: int, ranges: Ranges) -> bool:
    """Return whether a layer has a file without its holes."""
    if size < _WORTH:
        return False
    data = sparse.total(ranges)
    return size > _MOST_IN_LAYER or (size - data >= _WORTH and data <= _IN_MEMORY)


def records(files: Mapping[str, Condensed]) -> bytes:
    """Return the records of files by their paths, which have no `/` at the start."""
    found = bytearray()
    for path, (size, ranges) in sorted(files.items()):
        numbers = (size, len(ranges), *(number for each in ranges for number in each))
        found += b"/" + os.fsencode(path) + b"\0"
        found += b"".join(number.to_bytes(8, "little") for number in numbers)
    return bytes(found)
