"""The holes of files, found by content, in time by data."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imager.core import output, sparse
from imager.core.sparse import BLOCK
from tests.support.hostile import within

PIECES = st.lists(st.tuples(st.integers(0, 6 * BLOCK), st.sampled_from([b"x", b"\0", b"data" * 300_000])), max_size=4)


def make(path: Path, size: int, pieces: list[tuple[int, bytes]]) -> bytes:
    """Make a file that is stored with holes; return its content."""
    with path.open("wb") as file:
        file.truncate(size)
        for at, data in pieces:
            file.seek(at)
            file.write(data)
    return path.read_bytes()


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 6 * BLOCK), PIECES)
def test_ranges_are_the_data(size: int, pieces: list[tuple[int, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name, "file")
        content = make(place, size, pieces)
        dense = Path(name, "dense")
        dense.write_bytes(content)
        ranges = sparse.ranges_of(os.fsencode(place), len(content))
        assert sparse.ranges_of(os.fsencode(dense), len(content)) == ranges
    rest = bytearray(content)
    for start, length in ranges:
        rest[start : start + length] = bytes(length)
    assert not any(rest)
    assert all(
        start % BLOCK == 0 and (length % BLOCK == 0 or start + length == len(content)) for start, length in ranges
    )


def test_small_files_have_no_holes(tmp_path: Path) -> None:
    make(tmp_path / "file", BLOCK - 1, [])
    assert sparse.ranges_of(os.fsencode(tmp_path / "file"), BLOCK - 1) == ((0, BLOCK - 1),)
    make(tmp_path / "file", BLOCK, [])
    assert sparse.ranges_of(os.fsencode(tmp_path / "file"), BLOCK) == ()


def test_a_huge_file_takes_time_by_its_data(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    os.truncate(place, 550 << 30)
    with place.open("r+b") as file:
        file.seek(400 << 30)
        file.write(b"x")
    with within(5):
        assert sparse.ranges_of(os.fsencode(place), 550 << 30) == ((400 << 30, BLOCK),)
    with output.reading(place) as fd:
        assert next(output.stored_ranges(fd, 0, 550 << 30))[0] == 400 << 30
