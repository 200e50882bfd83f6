"""The holes of files: parts that read as zeros and that a file system does not store.

What counts is the content, not how the builder happens to store it: a cache or a registry may have filled a hole. So a
block is a hole if it is all zeros, and the same system gives the same image on every builder. Blocks that are not
stored are not read: what is done with a file takes time by its data, not by its size.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from imager.core import output

Ranges = tuple[tuple[int, int], ...]
"""Positions and lengths, in order, apart from each other."""
BLOCK = 1 << 20
"""Holes are whole blocks of so many bytes. The rest at the end of a file is data: mksquashfs fails if it is a hole."""
_GLANCE = 64
"""Bytes that tell of nearly every block that it is none."""


class Condensed(NamedTuple):
    """A file of which only the bytes of its `ranges` are packed; `size` is its own."""

    size: int
    ranges: Ranges


def data_ranges(fd: int, size: int) -> Ranges:
    """Return the ranges with data of an open file that has `size` bytes."""
    found: list[tuple[int, int]] = []
    done, end = 0, size // BLOCK * BLOCK
    for low, high in output.stored_ranges(fd, 0, end):
        for at in range(max(done, low // BLOCK * BLOCK), high, BLOCK):
            done = at + BLOCK
            if not _is_zero(fd, at):
                _add(found, at, BLOCK)
    if end < size:
        _add(found, end, size - end)
    return tuple(found)


def ranges_of(path: bytes, size: int) -> Ranges:
    """Return the ranges with data of a file that has `size` bytes."""
    if size < BLOCK:
        return ((0, size),)
    with output.reading(path) as fd:
        return data_ranges(fd, size)


def total(ranges: Ranges) -> int:
    """Return how many bytes these ranges have."""
    if len(ranges) == 1:
        return ranges[0][1]
    return sum(length for _, length in ranges)


def data_of(path: bytes, size: int) -> int:
    """Return how many bytes of a file are data. Most files are small, and are not looked at."""
    return size if size < BLOCK else total(ranges_of(path, size))


def _add(found: list[tuple[int, int]], at: int, length: int) -> None:
    """Add a range, or make the last one longer."""
    if found and sum(found[-1]) == at:
        found[-1] = (found[-1][0], found[-1][1] + length)
    else:
        found.append((at, length))


def _is_zero(fd: int, at: int) -> bool:
    """Return whether a block has no data."""
    return not any(os.pread(fd, _GLANCE, at)) and output.read_at(fd, at, BLOCK).count(0) == BLOCK
