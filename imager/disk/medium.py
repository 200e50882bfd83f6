"""What is on a disk, before it is known how a format stores it.

A disk is a list of extents, short literals and long payloads that lie in files. Every format
writes from this list, so a payload is copied once, straight to its final place, and what no extent
covers is never written. Whether bytes are stored depends on the list alone and not on the holes that
a file happens to have: the same content gives the same image on every builder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.extents import Extent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID


@dataclass(frozen=True)
class Medium:
    """A disk of `size` bytes, a whole number of MiB. The extents are in order and do not overlap."""

    size: int
    extents: tuple[Extent, ...]
    guid: Callable[[str], UUID]
    """Makes the identifier of each role from the content."""
    program: range
    """The bytes that are the EFI program."""

    def __post_init__(self) -> None:
        for one, other in pairwise(self.extents):
            assert one.end <= other.start, "extents overlap"

    def with_data(self, start: int, data: bytes) -> Medium:
        """Give the same disk with `data` where nothing was before."""
        return replace(self, extents=tuple(sorted((*self.extents, Extent(start, data)), key=lambda one: one.start)))

    def used(self, unit: int) -> tuple[range, ...]:
        """Give the numbers of the units of `unit` bytes that hold something, as ranges with gaps between them."""
        found: list[range] = []
        for extent in self.extents:
            first, stop = extent.start // unit, -(-extent.end // unit)
            if found and first <= found[-1].stop:
                found[-1] = range(found[-1].start, max(stop, found[-1].stop))
            else:
                found.append(range(first, stop))
        return tuple(found)

    def read(self, start: int, size: int) -> bytes:
        """Give the bytes of the disk from `start` on."""
        data = bytearray(size)
        for extent, low, high in self._overlaps(start, size):
            data[low - start : high - start] = extent.read(low, high)
        return bytes(data)

    def copy(self, target: int, at: int, start: int, size: int) -> None:
        """Copy `size` bytes of the disk from `start` on to byte `at` of the new file `target`."""
        for extent, low, high in self._overlaps(start, size):
            extent.copy(target, at + low - start, low, high)

    def pack(self, target: int, at: int, unit: int, used: Iterable[range]) -> int:
        """Copy the `used` units behind each other to byte `at` of the new file `target`; give the end."""
        for run in used:
            self.copy(target, at, run.start * unit, len(run) * unit)
            at += len(run) * unit
        output.truncate(target, at)
        return at

    def _overlaps(self, start: int, size: int) -> Iterable[tuple[Extent, int, int]]:
        """Give the extents that have a part between `start` and `start + size`, and that part."""
        for extent in self.extents:
            low, high = max(start, extent.start), min(start + size, extent.end)
            if low < high:
                yield extent, low, high
