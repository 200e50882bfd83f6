"""What a power cut leaves of a recording: all that was flushed, and a part of the rest."""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path
from random import Random

import pytest

from tests.support.write_log import SECTOR, Recording, entries

FLUSH, FUA, DISCARD = 1, 2, 4


def log(place: Path, *rows: tuple[int, int, bytes]) -> Path:
    """Write a log of (sector, flags, data)."""
    content = struct.pack("<QQQI", 0x6A736677736872, 1, len(rows), SECTOR).ljust(SECTOR, b"\0")
    for sector, flags, data in rows:
        content += struct.pack("<QQQQ", sector, len(data) // SECTOR, flags, 0).ljust(SECTOR, b"\0") + data
    place.write_bytes(content)
    return place


def block(letter: bytes, sectors: int = 1) -> bytes:
    return letter * (SECTOR * sectors)


def any_of(letters: str) -> set[str]:
    """Return what a disk may have of sectors that were not flushed: each of them, or not."""
    return {"".join(each) for each in product(*({letter, "-"} for letter in letters))}


@pytest.mark.slow
def test_what_was_flushed_is_there_and_the_rest_may_be(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.write_bytes(block(b"-", 8))
    rows = [(0, 0, block(b"a")), (1, 0, block(b"b", 2)), (0, FLUSH, b""), (3, 0, block(b"c", 2)), (5, FUA, block(b"d"))]
    recording = Recording(before, log(tmp_path / "log", *rows))
    seen: dict[int, set[str]] = {}
    for seed in range(60):
        for point, disk in recording.cuts(6, Random(seed), tmp_path):
            letters = disk.read_bytes()[::SECTOR].decode()
            assert disk.read_bytes() == b"".join(block(each.encode()) for each in letters)
            seen.setdefault(point, set()).add(letters)
    assert seen == {
        0: {"--------"},
        1: {"--------", "a-------"},
        2: {f"{a}{b}-----" for a in "-a" for b in any_of("bb")},
        3: {"abb-----"},
        4: {f"abb{c}---" for c in any_of("cc")},
        5: {f"abb{c}d--" for c in any_of("cc")},
    }


def test_what_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(bytes(SECTOR))
    with pytest.raises(ValueError, match="is no log of writes"):
        entries(tmp_path / "log")
