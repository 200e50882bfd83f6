"""The content of a disk, independent of the format that stores it.

A disk is a list of extents: short literals, and long payloads in files. Every format writes from this list, so each
payload is copied once, straight to its final place, and bytes outside of the extents are never written. The list alone
decides which bytes a format stores, not the holes of a file: equal content gives an equal image on every builder.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from imager.core import output, progress
from imager.core.extents import Extent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID

    from imager.requests.outputs import Output
    from imager.requests.secureboot import Enroll


@dataclass(frozen=True)
class Medium:
    """A disk of `size` bytes, a whole number of MiB. The extents are in order and do not overlap."""

    size: int
    extents: tuple[Extent, ...]
    guid: Callable[[str], UUID]
    """Returns the identifier for each role, derived from the content."""
    program: range
    """The position of the EFI program in bytes."""

    def __post_init__(self) -> None:
        for one, other in pairwise(self.extents):
            assert one.end <= other.start, "extents overlap"

    def with_data(self, start: int, data: bytes) -> Medium:
        """Return the same disk with `data` in a previously empty place."""
        return replace(self, extents=tuple(sorted((*self.extents, Extent(start, data)), key=lambda one: one.start)))

    def used(self, unit: int) -> tuple[range, ...]:
        """Return the numbers of the units of `unit` bytes with content, as ranges with gaps between them."""
        found: list[range] = []
        for extent in self.extents:
            first, stop = extent.start // unit, -(-extent.end // unit)
            if found and first <= found[-1].stop:
                found[-1] = range(found[-1].start, max(stop, found[-1].stop))
            else:
                found.append(range(first, stop))
        return tuple(found)

    @contextmanager
    def writing(self, request: Output | Enroll, *, compress: bool = False) -> Iterator[int]:
        """Yield a file for the disk in the format of `request`, like `output.writing`; tell how far it is."""
        whole = None if compress else sum(extent.end - extent.start for extent in self.extents)
        with output.writing(request.output, request.epoch) as fd, progress.told_of_file(request.output, fd, whole):
            yield fd

    def read(self, start: int, size: int) -> bytes:
        """Return `size` bytes of the disk from byte `start`."""
        data = bytearray(size)
        for extent, low, high in self._overlaps(start, size):
            data[low - start : high - start] = extent.read(low, high)
        return bytes(data)

    def copy(self, target: int, at: int, start: int, size: int) -> None:
        """Copy `size` bytes of the disk from byte `start` to byte `at` of the new file `target`."""
        for extent, low, high in self._overlaps(start, size):
            extent.copy(target, at + low - start, low, high)

    def pack(self, target: int, at: int, unit: int, used: Iterable[range]) -> int:
        """Copy the `used` units one after the other to byte `at` of the new file `target`; return the end."""
        for run in used:
            self.copy(target, at, run.start * unit, len(run) * unit)
            at += len(run) * unit
        output.truncate(target, at)
        return at

    def _overlaps(self, start: int, size: int) -> Iterable[tuple[Extent, int, int]]:
        """Yield each extent with the part of it between `start` and `start + size`."""
        for extent in self.extents:
            low, high = max(start, extent.start), min(start + size, extent.end)
            if low < high:
                yield extent, low, high
