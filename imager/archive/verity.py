"""The tree of hashes by which dm-verity checks each block of a layer when it is read.

Linux, Documentation/admin-guide/device-mapper/verity.rst: SHA-256, version 1, blocks of 4 KiB, neither superblock nor
salt, as the root hash and all sizes are in the program that reads them. The tree lies behind the data, the topmost
level first. veritysetup(8) would be one more program with libraries of its own; hashlib is as fast.
"""

from __future__ import annotations

import hashlib
import os
from itertools import pairwise

from imager.core import output

BLOCK = 4096
_HASHES = BLOCK // hashlib.sha256().digest_size
"""The hashes in a block of the tree."""
_CHUNK = 1 << 20


def tree_size(size: int) -> int:
    """Return the bytes of the tree for `size` bytes of data, a whole number of blocks."""
    return sum(_levels(size // BLOCK)) * BLOCK


def add_tree(fd: int) -> None:
    """Write the tree for all of the open file behind its end, which is that of a block."""
    size = os.fstat(fd).st_size
    assert size
    assert size % BLOCK == 0
    ends = [size + tree_size(size)]
    levels = _levels(size // BLOCK)
    for blocks in levels:
        ends.append(ends[-1] - blocks * BLOCK)
    output.truncate(fd, ends[0])
    below = (0, size)
    for end, start in pairwise(ends):
        _hash(fd, *below, start)
        below = (start, end)


def root_hash(fd: int, size: int) -> str:
    """Return the hash that all others follow from, of a file with `size` bytes of data and then the tree."""
    return hashlib.sha256(output.read_at(fd, size if tree_size(size) else 0, BLOCK)).hexdigest()


def _levels(blocks: int) -> list[int]:
    """Return the number of blocks in each level of the tree, the lowest first."""
    levels: list[int] = []
    while blocks > 1:
        blocks = -(-blocks // _HASHES)
        levels.append(blocks)
    return levels


def _hash(fd: int, start: int, end: int, target: int) -> None:
    """Write the hashes of the blocks from `start` to `end` to `target`.

    Not in threads: with blocks so small they wait for each other, and two are slower than one.
    """
    for at in range(start, end, _CHUNK):
        chunk = memoryview(output.read_at(fd, at, min(_CHUNK, end - at)))
        hashes = [hashlib.sha256(chunk[low : low + BLOCK]).digest() for low in range(0, len(chunk), BLOCK)]
        output.write_at(fd, target, b"".join(hashes))
        target += len(hashes) * len(hashes[0])
