"""The tree of hashes of a layer, as a second implementation sees it; in tests/boot, the kernel reads it."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from imager.archive import verity

BLOCK = 4096
SIZES = [1, 2, 128, 129, 300]
"""In blocks: without a tree, with a full block of hashes, and with two levels."""


def with_tree(place: Path, blocks: int) -> tuple[bytes, bytes, str]:
    """Return data, the tree behind it, and the root hash."""
    data = random.Random(blocks).randbytes(min(blocks, 300) * BLOCK).ljust(blocks * BLOCK, b"\0")
    place.write_bytes(data)
    with place.open("r+b") as file:
        verity.add_tree(file.fileno())
        root = verity.root_hash(file.fileno(), len(data))
    return data, place.read_bytes()[len(data) :], root


def hashed(data: bytes) -> bytes:
    """Return the hashes of all blocks, filled up to whole ones."""
    found = b"".join(hashlib.sha256(data[at : at + BLOCK]).digest() for at in range(0, len(data), BLOCK))
    return found.ljust(-(-len(found) // BLOCK) * BLOCK, b"\0")


@pytest.mark.parametrize("blocks", SIZES)
def test_the_topmost_level_comes_first(blocks: int, tmp_path: Path) -> None:
    data, tree, root = with_tree(tmp_path / "layer", blocks)
    expected, level = b"", data
    while len(level) > BLOCK:
        level = hashed(level)
        expected = level + expected
    assert tree == expected
    assert len(tree) == verity.tree_size(len(data))
    assert root == hashlib.sha256(level).hexdigest()


@pytest.mark.slow
def test_three_levels(tmp_path: Path) -> None:
    """As a layer of 64 MiB has them."""
    test_the_topmost_level_comes_first(128 * 128 + 1, tmp_path)
