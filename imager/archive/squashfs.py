"""The programs that make the file system of a layer out of a tar stream: their words, and how big what they made is.

tar2sqfs (squashfs-tools-ng) holds a quarter of what mksquashfs does, and is faster with many files of one size. It
cannot leave data as it is, though, and keeps what lz4 makes bigger: Linux reads that, unsquashfs calls it corrupt.
Those two are done by mksquashfs (squashfs-tools). Neither's bytes depend on the processors or the memory of the builder
(squashfs-tools-ng 1.2 and 1.3, squashfs-tools 4.6). docs/rootfs.md has figures.
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

_BLOCK = 1 << 18
"""Bytes that are compressed together: see docs/rootfs.md for what other sizes cost."""
_THREADS = 4
"""At most: each takes 2 MiB, and one process feeds them all."""
_NOT_BY_TAR2SQFS = (NONE, "lz4")
_QUEUES = ("-read-queue", "4", "-fragment-queue", "4", "-write-queue", "16")
"""MiB for the buffers of mksquashfs; its default is a quarter of the machine's memory. The last is for blocks and for
fragments by halves, 32 buffers each. With few for fragments it can wait for itself for ever: its threads take fragments
in order, but buffers in any, and what is written next may be without one. Seen once with 4 (16M, blocks of 1 MiB)."""
_PADDED = 4096
"""Both fill the last page, so that the file can be a device."""
_SUPERBLOCK = struct.Struct("<4s36xQ")
"""Magic number and bytes used (Linux, fs/squashfs/squashfs_fs.h)."""
_MAGIC = b"hsqs"


def program(compression: Compression, root: Entry, image: str) -> tuple[str, ...]:
    """Give what to start for the file `image`, which may exist; `root` is the directory that will be mounted."""
    threads = min(len(os.sched_getaffinity(0)), _THREADS)
    if compression.kind in _NOT_BY_TAR2SQFS:
        return _mksquashfs(compression.kind, root, image, threads)
    kind = KINDS[compression.kind]
    words = ["tar2sqfs", "--quiet", "--force", "--no-skip", "--compressor", kind.squashfs]
    if kind.levelled:
        words += ["--comp-extra", f"level={compression.level}"]
    # Two blocks for every thread, and those that wait for their turn to be written.
    words += ["--block-size", str(_BLOCK), "--num-jobs", str(threads), "--queue-backlog", str(2 * threads + 4)]
    # With an export table, as mksquashfs makes it, overlayfs can keep the number of an inode that it copies up.
    return (*words, "--exportable", image)


def _mksquashfs(kind: str, root: Entry, image: str, threads: int) -> tuple[str, ...]:
    words = ["mksquashfs", "-", image, "-tar", "-noappend", "-mkfs-time", "0", "-b", str(_BLOCK)]
    words += ["-no-compression"] if kind == NONE else ["-comp", KINDS[kind].squashfs]
    # It leaves out the root of a tar stream.
    words += ["-root-mode", f"{stat.S_IMODE(root.mode):o}", "-root-time", str(root.mtime)]
    words += ["-root-uid", str(root.uid), "-root-gid", str(root.gid)]
    words += [*_QUEUES, "-processors", str(threads), "-exit-on-error", "-quiet", "-no-progress"]
    return tuple(words)


def size(place: Path) -> int:
    """Give the bytes of the file system that `place` starts with; raises ImagerError when there is none."""
    with output.reading(place) as fd:
        start = os.pread(fd, _SUPERBLOCK.size, 0)
    magic, used = _SUPERBLOCK.unpack(start) if len(start) == _SUPERBLOCK.size else (b"", 0)
    if magic != _MAGIC:
        raise ImagerError(f"{place} is not a layer: it does not start with a squashfs")
    return int(-(-used // _PADDED) * _PADDED)
