"""The programs that turn a tar stream into the file system of a layer: their arguments, and the size of the result.

tar2sqfs (squashfs-tools-ng) needs a quarter of the memory of mksquashfs and is faster with many files of equal size.
But it cannot store data uncompressed, and it keeps data that lz4 makes larger, which Linux reads but unsquashfs reports
as corrupt. So mksquashfs (squashfs-tools) handles these two cases. For both programs, the bytes do not depend on the
builder's processors or memory (squashfs-tools-ng 1.2 and 1.3, squashfs-tools 4.6). docs/internals/packing.md has the
figures.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING

from imager.archive.compressors import KINDS
from imager.core import output
from imager.core.errors import ImagerError
from spec.compression import NONE

if TYPE_CHECKING:
    from pathlib import Path

    from imager.archive.compress import Compression
    from imager.rootfs.tree import Entry

_BLOCK, _LARGE_BLOCK = 1 << 18, 1 << 20
"""The bytes that are compressed together; docs/internals/packing.md compares other sizes."""
_SMALLEST_FROM = {"xz": 0, "zstd": 16}
"""The levels, by kind, of those who want a small image whatever it costs: from there on, blocks are large."""
_THREADS = 4
"""The maximum: each thread needs 2 MiB, and one process feeds them all."""
_NOT_BY_TAR2SQFS = (NONE, "lz4")
_QUEUES = ("-read-queue", "4", "-fragment-queue", "4", "-write-queue", "16")
"""The buffers of mksquashfs in MiB; by default it takes a quarter of the machine's memory. The last number is shared
equally by blocks and fragments, 32 buffers each. With few buffers for fragments, mksquashfs can deadlock: its threads
take fragments in order but buffers in any order, so the next fragment to write may get none. Seen once with 4
(16M, blocks of 1 MiB)."""
_PADDED = 4096
"""Both programs fill the last page, so that the file can be a block device."""
_SUPERBLOCK = struct.Struct("<4s36xQ")
"""Magic number and number of used bytes (Linux, fs/squashfs/squashfs_fs.h)."""
_MAGIC = b"hsqs"


def program(compression: Compression, root: Entry, image: str) -> tuple[str, ...]:
    """Return the command that writes the file `image`, which may exist; `root` is the top directory of the layer."""
    threads = min(len(os.sched_getaffinity(0)), _THREADS)
    if compression.kind in _NOT_BY_TAR2SQFS:
        return _mksquashfs(compression.kind, root, image, threads)
    kind = KINDS[compression.kind]
    words = ["tar2sqfs", "--quiet", "--force", "--no-skip", "--compressor", kind.squashfs]
    if kind.levelled:
        words += ["--comp-extra", f"level={compression.level}"]
    # Two blocks for each thread, and room for blocks that wait to be written.
    words += ["--block-size", str(_block(compression))]
    words += ["--num-jobs", str(threads), "--queue-backlog", str(2 * threads + 4)]
    # With an export table, like that of mksquashfs, overlayfs can keep the number of an inode that it copies up.
    return (*words, "--exportable", image)


def _block(compression: Compression) -> int:
    smallest_from = _SMALLEST_FROM.get(compression.kind)
    return _BLOCK if smallest_from is None or compression.level < smallest_from else _LARGE_BLOCK


def _mksquashfs(kind: str, root: Entry, image: str, threads: int) -> tuple[str, ...]:
    words = ["mksquashfs", "-", image, "-tar", "-noappend", "-mkfs-time", "0", "-b", str(_BLOCK)]
    words += ["-no-compression"] if kind == NONE else ["-comp", KINDS[kind].squashfs]
    # mksquashfs ignores the root of a tar stream.
    words += ["-root-mode", f"{stat.S_IMODE(root.mode):o}", "-root-time", str(root.mtime)]
    words += ["-root-uid", str(root.uid), "-root-gid", str(root.gid)]
    words += [*_QUEUES, "-processors", str(threads), "-exit-on-error", "-quiet", "-no-progress"]
    return tuple(words)


def size(place: Path) -> int:
    """Return the size in bytes of the file system at the start of `place`; raises ImagerError if there is none."""
    with output.reading(place) as fd:
        start = os.pread(fd, _SUPERBLOCK.size, 0)
    magic, used = _SUPERBLOCK.unpack(start) if len(start) == _SUPERBLOCK.size else (b"", 0)
    if magic != _MAGIC:
        raise ImagerError(f"{place} is not a layer: it does not start with a squashfs")
    return int(-(-used // _PADDED) * _PADDED)
