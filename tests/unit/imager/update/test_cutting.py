"""Where a program is cut into pieces, at the borders of each rule."""

from __future__ import annotations

import struct

import pytest

from imager.core.extents import Extent
from imager.update.cutting import cut

FIRST = 0x400
"""The size of the headers."""


def program(*others: Extent, code: bytes = b"c" * 5000) -> tuple[range, ...]:
    """Cut a program with headers, code behind them, and other parts."""
    headers = bytearray(FIRST)
    struct.pack_into("<I", headers, 0x3C, 0x80)
    struct.pack_into("<I", headers, 0x80 + 24 + 60, FIRST)
    headers[0] = headers[-1] = 1
    return cut((Extent(0, bytes(headers) + code), *others))


@pytest.mark.parametrize(
    ("sizes", "gap", "joined"),
    [
        ((4095, 4095), 4096, True),
        ((4095, 4095), 4097, False),
        ((4095, 4095), 0, True),
        ((4096, 4095), 1, False),
        ((4095, 4096), 1, False),
        ((1, 1), 4096, True),
    ],
)
def test_small_pieces_are_joined(sizes: tuple[int, int], gap: int, joined: bool) -> None:
    start, other = 1 << 16, (1 << 16) + sizes[0] + gap
    first, code, *found = program(Extent(start, b"a" * sizes[0]), Extent(other, b"b" * sizes[1]))
    assert (first, code) == (range(FIRST), range(FIRST, FIRST + 5000))
    end = other + sizes[1]
    assert found == ([range(start, end)] if joined else [range(start, start + sizes[0]), range(other, end)])


def test_three_are_joined_until_they_are_large() -> None:
    """What was joined counts as one piece."""
    found = program(*(Extent((1 << 16) + 3000 * number, b"a" * 2000) for number in range(3)))
    assert found[2:] == (range(1 << 16, (1 << 16) + 5000), range((1 << 16) + 6000, (1 << 16) + 8000))


def test_zeros_around_a_part_are_in_no_piece() -> None:
    at = 1 << 16
    assert program(Extent(at, bytes(5) + b"a\0a" + bytes(7)))[2:] == (range(at + 5, at + 8),)
    assert program(Extent(at, bytes(5)))[2:] == ()


@pytest.mark.parametrize(("size", "whole"), [(1 << 20, False), ((1 << 20) + 1, True)])
def test_a_large_part_is_taken_as_it_is(size: int, whole: bool) -> None:
    at = 1 << 21
    expected = range(at, at + size) if whole else range(at + 1, at + size - 1)
    assert program(Extent(at, b"\0" + b"a" * (size - 2) + b"\0"))[2:] == (expected,)


def test_headers_alone_are_one_piece() -> None:
    assert program(code=b"") == (range(FIRST),)
    assert program(code=b"c") == (range(FIRST + 1),), "joined, as both are small"
