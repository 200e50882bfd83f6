"""Where a program is cut: what changes with a version is apart from what does not.

The parts of the layout are the kernel, the segments and so on, so they are pieces as they are. Three kinds need more
care: the first part has the headers of the program, which change with every size in it, before the code of the stub,
which never does; padding in front of a part is no content; and a few hundred bytes beside a few others are one request.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.core.extents import Extent

_SMALL = 1 << 20
"""A part that can be looked into."""
_JOINED = 4096
"""Pieces of fewer bytes are joined if no more than this is between them."""


def cut(extents: tuple[Extent, ...]) -> tuple[range, ...]:
    """Return the places of the pieces of a program, in order; zeros are between them."""
    return tuple(_joined(_trimmed(extents)))


def _trimmed(extents: tuple[Extent, ...]) -> Iterator[range]:
    """Yield the parts without the zeros around them."""
    headers = _size_of_headers(extents[0])
    for extent in extents:
        for low, high in _split(extent, headers):
            if high - low > _SMALL:
                yield range(low, high)
                continue
            data = extent.read(low, high)
            start = low + len(data) - len(data.lstrip(b"\0"))
            stop = low + len(data.rstrip(b"\0"))
            if start < stop:
                yield range(start, stop)


def _split(extent: Extent, at: int) -> Iterator[tuple[int, int]]:
    if extent.start < at < extent.end:
        yield extent.start, at
        yield at, extent.end
    else:
        yield extent.start, extent.end


def _joined(places: Iterable[range]) -> Iterator[range]:
    last: range | None = None
    for place in places:
        if last is not None and len(last) < _JOINED > len(place) and place.start - last.stop <= _JOINED:
            last = range(last.start, place.stop)
            continue
        if last is not None:
            yield last
        last = place
    if last is not None:
        yield last


def _size_of_headers(first: Extent) -> int:
    """Return where the headers of a PE program end (Microsoft, "PE Format")."""
    (start,) = struct.unpack("<I", first.read(0x3C, 0x40))
    (size,) = struct.unpack("<I", first.read(start + 24 + 60, start + 24 + 64))
    return int(size)
