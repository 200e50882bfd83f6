"""The programs that compress an archive: their arguments, and a number of threads that keeps the memory bounded.

Threads never change the bytes, because each program cuts its input into pieces of a size that is fixed here or by the
level. docs/internals/packing.md lists the memory. More threads would mostly wait, because one process feeds them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

_MAX_THREADS = 4
_MAX_THREADS_GZ = 16
"""pigz needs 1 MiB per thread."""
_SMALL_JOBS = 8
"""Up to this level, the window of zstd is small enough for jobs of 2 MiB: 6 MiB of memory per thread instead of 20."""
_ULTRA = 20
"""From this level on, zstd has windows of 32 MiB and more, and each thread needs 0.4 to 1.1 GiB."""
_SLOW_LZ4 = 3
"""Below this level, lz4 is faster than its input."""
_XZ_DICTIONARY = (1, 1, 2, 4, 4, 8, 8, 16, 32, 64)
"""In MiB, by level (xz(1)); a thread needs 17 times as much."""
_XZ_DICTIONARIES = 32
"""The limit for the dictionaries of all threads together, in MiB."""
_LZ4_END = bytes(4)
"""A block of no bytes tells the kernel where the stream ends (lib/decompress_unlz4.c); the format has no end mark."""


class Program(NamedTuple):
    """A program to start; `end` follows its output."""

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
    """Return the program for one of `KINDS`; `processors` defaults to those that this process may use."""
    return KINDS[kind].program(level, processors or len(os.sched_getaffinity(0)))


def _gz(level: int, processors: int) -> Program:
    # -n: store neither name nor time.
    return Program(("pigz", "-n", f"-{level}", "-p", str(min(processors, _MAX_THREADS_GZ)), "-c"))


def _xz(level: int, processors: int) -> Program:
    threads = min(processors, _MAX_THREADS, max(1, _XZ_DICTIONARIES // _XZ_DICTIONARY[level]))
    # +: one thread also writes blocks, as several do. CRC32 is the only check that the kernel's decoder supports.
    return Program(("xz", "--format=xz", "--check=crc32", f"-{level}", f"-T+{threads}", "--quiet", "--stdout"))


def _lz4(level: int, processors: int) -> Program:
    threads = 1 if level < _SLOW_LZ4 else min(processors, _MAX_THREADS)
    # The kernel supports only the older of the two formats. lz4 before 1.10 has a single thread and no option -T.
    return Program(("lz4", "-l", f"-{level}", "--quiet", "--stdout"), {"LZ4_NBWORKERS": str(threads)}, _LZ4_END)


def _zstd(level: int, processors: int) -> Program:
    threads = 1 if level >= _ULTRA else min(processors, _MAX_THREADS)
    # Any number of workers from 1 up gives the same bytes; no worker (--single-thread) gives others.
    words = ["zstd", f"-{level}", f"-T{threads}", "--quiet", "--stdout"]
    if level <= _SMALL_JOBS:
        # Each job sees the MiB before it (overlap 8), so that small jobs do not make the result larger.
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
