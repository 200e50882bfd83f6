"""What an ISO has for readers of CDs, beside what xorriso and Linux read."""

from __future__ import annotations

import struct

import pytest

from imager.disk import iso


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_path_table_lists_each_directory(order: str) -> None:
    """ECMA-119 9.4: the length of the name, the block, the number of the parent, the name, and a zero if it is odd."""
    table = iso._path_table(order)
    found, at = [], 0
    while at < len(table):
        length, _, _, parent = struct.unpack_from(f"{order}BBIH", table, at)
        found.append((table[at + 8 : at + 8 + length], parent))
        assert not any(table[at + 8 + length : at + 8 + length + length % 2])
        at += 8 + length + length % 2
    assert (found, at) == ([(b"\0", 1), (b"EFI", 1), (b"BOOT", 2)], len(table))
