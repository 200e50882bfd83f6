"""The programs that compress an archive: their words, and as many threads as keep the memory bounded.

Threads never change the bytes: each program cuts its input into pieces whose size is fixed here or by the level.
docs/rootfs.md has what they need in memory. More threads than these would mostly wait: one process feeds them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

_MOST = 4
_MOST_GZ = 16
"""pigz takes 1 MiB for each."""
_SMALL_JOBS = 8
"""Up to this level of zstd the window is small enough for jobs of 2 MiB: 6 MiB of memory a thread instead of 20."""
_ULTRA = 20
"""From this level on, zstd has windows of 32 MiB and more, and one thread takes 0.4 to 1.1 GiB."""
_SLOW_LZ4 = 3
"""Below it, lz4 is faster than what feeds it."""
_XZ_DICTIONARY = (1, 1, 2, 4, 4, 8, 8, 16, 32, 64)
"""MiB, by level (xz(1)); a thread takes 17 times that."""
_XZ_DICTIONARIES = 32
"""MiB, of all threads together."""
_LZ4_END = bytes(4)
"""The format does not tell where it ends: a block of no bytes does, for the kernel (lib/decompress_unlz4.c)."""


class Program(NamedTuple):
    """What to start; `end` goes behind what it writes."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = MappingProxyType({})
    end: bytes = b""


class Kind(NamedTuple):
    """How one kind of compression is made.

    `program` gives what compresses an archive, by level and processors. `squashfs` is the name that tar2sqfs(1) and
    mksquashfs(1) have for it, `option` what a kernel must have been built with to read it in a squashfs
    (CONFIG_SQUASHFS_..., Linux, fs/squashfs/Kconfig). `levelled`: whether it has levels there.
    """

    program: Callable[[int, int], Program]
    squashfs: str
    option: str
    levelled: bool = False


def program(kind: str, level: int, processors: int | None = None) -> Program:
    """Give the program for one of `KINDS`; `processors`: those that this process may use."""
    return KINDS[kind].program(level, processors or len(os.sched_getaffinity(0)))


def _gz(level: int, processors: int) -> Program:
    # -n: neither name nor time.
    return Program(("pigz", "-n", f"-{level}", "-p", str(min(processors, _MOST_GZ)), "-c"))


def _xz(level: int, processors: int) -> Program:
    threads = min(processors, _MOST, max(1, _XZ_DICTIONARIES // _XZ_DICTIONARY[level]))
    # +: one thread also writes blocks, as several do. The kernel's decoder knows no other checks than CRC32.
    return Program(("xz", "--format=xz", "--check=crc32", f"-{level}", f"-T+{threads}", "--quiet", "--stdout"))


def _lz4(level: int, processors: int) -> Program:
    threads = 1 if level < _SLOW_LZ4 else min(processors, _MOST)
    # Of the two formats, the kernel knows the older. Versions before 1.10 have one thread and do not know of -T.
    return Program(("lz4", "-l", f"-{level}", "--quiet", "--stdout"), {"LZ4_NBWORKERS": str(threads)}, _LZ4_END)


def _zstd(level: int, processors: int) -> Program:
    threads = 1 if level >= _ULTRA else min(processors, _MOST)
    # Any number of workers from 1 up gives the same bytes; none at all (--single-thread), others.
    words = ["zstd", f"-{level}", f"-T{threads}", "--quiet", "--stdout"]
    if level <= _SMALL_JOBS:
        # Every job sees the MiB before it (overlap 8): then the small ones cost no size.
        words += ["-B2MiB", "--zstd=overlapLog=8"]
    if level >= _ULTRA:
        words.insert(1, "--ultra")
    return Program(tuple(words))


KINDS = {
    "gz": Kind(_gz, "gzip", "ZLIB", levelled=True),
    "lz4": Kind(_lz4, "lz4", "LZ4"),
    "xz": Kind(_xz, "xz", "XZ"),
    "zstd": Kind(_zstd, "zstd", "ZSTD", levelled=True),
}
"""By the names of `spec.compression`, which has their levels."""
