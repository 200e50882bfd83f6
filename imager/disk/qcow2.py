"""The qcow2 image for QEMU, KVM and OpenStack. Reference: "Qcow2 Image File Format", version 3.

header, L1 table, L2 tables     known before any data is written
data clusters                   only those with content
refcount blocks, their table    count the clusters above and themselves
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from typing import TYPE_CHECKING

from imager.core import output, parallel
from imager.disk import raw

if TYPE_CHECKING:
    from imager.disk.medium import Medium
    from imager.requests.outputs import Qcow2

_BITS = 16
CLUSTER = 1 << _BITS
_ENTRIES = CLUSTER // 8
"""The number of clusters in one L2 table."""
_COUNTS = CLUSTER // 2
"""The number of clusters in one refcount block, with 16 bits each."""
_COPIED, _COMPRESSED = 1 << 63, 1 << 62
_SECTORS_SHIFT = 62 - (_BITS - 8)
_LEVEL = 6
_WINDOW = -12
"""A raw deflate stream with a window of 4 KiB, the limit of readers."""
_ZEROS = bytes(CLUSTER)


def run(request: Qcow2) -> None:
    """Write the image."""
    with raw.open_medium(request, request.label) as medium, medium.writing(request, compress=request.compress) as fd:
        write(fd, medium, compress=request.compress)


def write(fd: int, medium: Medium, *, compress: bool) -> None:
    """Write the image to the empty file `fd`."""
    entries, counts = (_store_compressed if compress else _store)(fd, medium)
    _finish(fd, medium, entries, counts)


def _store(fd: int, medium: Medium) -> tuple[dict[int, int], array[int]]:
    """Store the clusters uncompressed, copied by the kernel.

    Return the L2 entry of each cluster, and the reference count of each cluster in the file.
    """
    used = medium.used(CLUSTER)
    at = _data_start(medium)
    end = medium.pack(fd, at, CLUSTER, used)
    numbers = (number for run in used for number in run)
    entries = {number: (at + index * CLUSTER) | _COPIED for index, number in enumerate(numbers)}
    return entries, array("H", [1]) * (end // CLUSTER)


def _store_compressed(fd: int, medium: Medium) -> tuple[dict[int, int], array[int]]:
    """Store the clusters compressed, one after the other, or uncompressed if that is not longer.

    Return the same as `_store`. Several compressed clusters share one cluster in the file.
    """
    numbers = [number for run in medium.used(CLUSTER) for number in run]

    def deflate(number: int) -> bytes:
        data = medium.read(number * CLUSTER, CLUSTER)
        if data == _ZEROS:
            return b""
        coder = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW)
        short = coder.compress(data) + coder.flush()
        return short if len(short) < CLUSTER else data

    entries: dict[int, int] = {}
    end = tail = _data_start(medium)
    counts = array("H", [1]) * (end // CLUSTER)
    for number, data in zip(numbers, parallel.map_ordered(deflate, numbers), strict=True):
        if not data:
            continue
        whole = len(data) == CLUSTER
        at = end if whole else _place(tail, end, len(data))
        output.write_at(fd, at, data)
        stop = at + len(data)
        end = max(end, -(-stop // CLUSTER) * CLUSTER)
        counts.extend([0] * (end // CLUSTER - len(counts)))
        for cluster in range(at // CLUSTER, -(-stop // CLUSTER)):
            counts[cluster] += 1
        if whole:
            entries[number] = at | _COPIED
        else:
            tail = stop
            sectors = (stop - 1) // 512 - at // 512
            entries[number] = at | _COMPRESSED | sectors << _SECTORS_SHIFT
    output.truncate(fd, end)
    return entries, counts


def _place(tail: int, end: int, size: int) -> int:
    """Return the place for `size` compressed bytes: `tail`, after the last ones, unless a whole cluster is in the way.

    `end` is the first free cluster.
    """
    edge = -(-tail // CLUSTER) * CLUSTER
    return tail if edge == end or tail + size <= edge else end


def _tables(medium: Medium) -> list[int]:
    """Return the numbers of the necessary L2 tables."""
    return [table for run in medium.used(CLUSTER * _ENTRIES) for table in run]


def _data_start(medium: Medium) -> int:
    """Return the start of the data in bytes: after the header, one cluster of L1 table and the L2 tables."""
    return (2 + len(_tables(medium))) * CLUSTER


def _finish(fd: int, medium: Medium, entries: dict[int, int], counts: array[int]) -> None:
    """Write everything except data. `counts` are the reference counts of the clusters so far."""
    l1 = array("Q", [0]) * -(-medium.size // (CLUSTER * _ENTRIES))
    for index, table in enumerate(_tables(medium), 2):
        l1[table] = (index * CLUSTER) | _COPIED
        l2 = array("Q", (entries.get(number, 0) for number in range(table * _ENTRIES, (table + 1) * _ENTRIES)))
        output.write_at(fd, index * CLUSTER, _big_endian(l2))
    output.write_at(fd, CLUSTER, _big_endian(l1))
    # The refcount blocks also count themselves and their table, whose single cluster is enough for 16 TiB.
    data, blocks = len(counts), 0
    while blocks * _COUNTS < data + blocks + 1:
        blocks += 1
    counts.extend([1] * (blocks + 1))
    table_at = (data + blocks) * CLUSTER
    output.truncate(fd, table_at + CLUSTER)
    output.write_at(fd, data * CLUSTER, _big_endian(counts))
    output.write_at(fd, table_at, _big_endian(array("Q", range(data * CLUSTER, table_at, CLUSTER))))
    output.write_at(fd, 0, _header(medium.size, len(l1), table_at))


def _header(size: int, l1_size: int, refcounts: int) -> bytes:
    """Return the header with the L1 table in cluster 1 and the refcount table at byte `refcounts`."""
    return struct.pack(
        ">4sIQIIQIIQQIIQQQQII",
        b"QFI\xfb",
        3,
        *(0, 0),  # no backing file
        _BITS,
        size,
        0,  # not encrypted
        l1_size,
        CLUSTER,
        refcounts,
        1,  # clusters of the refcount table
        *(0, 0),  # no snapshots
        *(0, 0, 0),  # no features
        4,  # refcounts have 2**4 bits
        104,  # the length of this header; no extensions follow
    )


def _big_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()
