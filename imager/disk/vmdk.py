"""The VMDK of VMware, as one file with an embedded descriptor.

streamOptimized, the default, is the form that ESXi, vSphere, AWS and all importers of OVA files accept. Its grains are
zlib streams, but they are only compressed on request. monolithicSparse can be attached without an import (Workstation,
Fusion, VirtualBox), but importers refuse it.

    streamOptimized     header, descriptor, then each 512 grains and their table, directory, footer
    monolithicSparse    header, descriptor, directory and tables twice, grains

References: VMware "Virtual Disk Format" 1.1 and 5.0. All numbers in the file are sectors.
"""

from __future__ import annotations

import struct
import zlib
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, parallel
from imager.core.errors import UsageError
from imager.disk import raw

if TYPE_CHECKING:
    from imager.disk.medium import Medium
    from imager.requests.outputs import Vmdk

STREAM, SPARSE = "streamOptimized", "monolithicSparse"
_SECTOR = 512
GRAIN = 1 << 16
_GRAIN_SECTORS = GRAIN // _SECTOR
_ENTRIES = 512
"""The number of grains in one table."""
_TABLE_SECTORS = _ENTRIES * 4 // _SECTOR
_DESCRIPTOR_SECTORS = 20
_OVERHEAD = 128
"""The first sector of a stream's grains: 64 KiB."""
_LINES, _TWO_DIRECTORIES, _COMPRESSED, _MARKERS = 1, 2, 1 << 16, 1 << 17
_DEFLATE = 1
_AT_END = (1 << 64) - 1
_END_MARK, _TABLE_MARK, _DIRECTORY_MARK, _FOOTER_MARK = range(4)
_LEVEL = 6
_ZEROS = bytes(GRAIN)


def run(request: Vmdk) -> None:
    """Write the image."""
    if request.subformat not in (STREAM, SPARSE):
        raise UsageError(f"unknown subformat {request.subformat!r}: use {STREAM} or {SPARSE}")
    if request.compress and request.subformat != STREAM:
        raise UsageError(f"{request.subformat} does not support compression: use {STREAM}")
    with raw.open_medium(request, request.label) as medium, medium.writing(request, compress=request.compress) as fd:
        descriptor = describe(medium, request.subformat, Path(request.output).name)
        if request.subformat == STREAM:
            write_stream(fd, medium, descriptor, compress=request.compress)
        else:
            write_sparse(fd, medium, descriptor)


def write_stream(fd: int, medium: Medium, descriptor: bytes, *, compress: bool) -> None:
    """Write the parts in order, as if to a pipe; only the copy of the header at the end contains all positions."""

    def deflate(number: int) -> tuple[int, bytes]:
        data = medium.read(number * GRAIN, GRAIN)
        # Level 0 only stores, because the payload is already compressed.
        return number, b"" if data == _ZEROS else zlib.compress(data, _LEVEL if compress else 0)

    numbers = (number for run in medium.used(GRAIN) for number in run)
    output.write_at(fd, 0, _header(medium, 3, _COMPRESSED | _MARKERS, _AT_END))
    output.write_at(fd, _SECTOR, descriptor)
    at = _OVERHEAD
    directory = [0] * _tables(medium)
    for table, grains in groupby(parallel.map_ordered(deflate, numbers), lambda grain: grain[0] // _ENTRIES):
        places = [0] * _ENTRIES
        for number, data in grains:
            if data:
                places[number % _ENTRIES] = at
                at = _append(fd, at, struct.pack("<QI", number * _GRAIN_SECTORS, len(data)) + data)
        if any(places):
            directory[table] = at + 1
            at = _append(fd, at, _marker(_TABLE_SECTORS, _TABLE_MARK) + _numbers(places))
    where = at + 1
    stored = _numbers(directory)
    at = _append(fd, at, _marker(len(stored) // _SECTOR, _DIRECTORY_MARK) + stored)
    footer = _header(medium, 3, _COMPRESSED | _MARKERS, where)
    _append(fd, at, _marker(1, _FOOTER_MARK) + footer + _marker(0, _END_MARK))


def _append(fd: int, at: int, data: bytes) -> int:
    """Write whole sectors at sector `at` and return the next one."""
    data += bytes(-len(data) % _SECTOR)
    output.write_at(fd, at * _SECTOR, data)
    return at + len(data) // _SECTOR


def write_sparse(fd: int, medium: Medium, descriptor: bytes) -> None:
    """Write the tables before the grains; the kernel copies the grains."""
    count = _tables(medium)
    length = -(-count * 4 // _SECTOR)
    first = 1 + _DESCRIPTOR_SECTORS
    second = first + length + count * _TABLE_SECTORS
    start = -(-(2 * second - first) // _GRAIN_SECTORS) * _GRAIN_SECTORS
    used = medium.used(GRAIN)
    places = [0] * (count * _ENTRIES)
    for index, number in enumerate(number for run in used for number in run):
        places[number] = start + index * _GRAIN_SECTORS
    for at in (first, second):
        directory = [at + length + index * _TABLE_SECTORS for index in range(count)]
        output.write_at(fd, at * _SECTOR, _numbers(directory) + _numbers(places))
    output.write_at(fd, 0, _header(medium, 1, _TWO_DIRECTORIES, second, first, start))
    output.write_at(fd, _SECTOR, descriptor)
    medium.pack(fd, start * _SECTOR, GRAIN, used)


def _tables(medium: Medium) -> int:
    return -(-medium.size // (GRAIN * _ENTRIES))


def _numbers(values: list[int]) -> bytes:
    """Return 32-bit numbers, padded to whole sectors."""
    return struct.pack(f"<{len(values)}I", *values) + bytes(-4 * len(values) % _SECTOR)


def _marker(sectors: int, kind: int) -> bytes:
    """Return a marker for `sectors` of metadata; the size of 0 distinguishes it from a grain."""
    return struct.pack("<QII", sectors, 0, kind).ljust(_SECTOR, b"\0")


def _header(
    medium: Medium, version: int, flags: int, directory: int, redundant: int = 0, overhead: int = _OVERHEAD
) -> bytes:
    return struct.pack(
        "<4sIIQQQQIQQQB4sH433x",
        b"KDMV",
        version,
        _LINES | flags,
        medium.size // _SECTOR,
        _GRAIN_SECTORS,
        1,
        _DESCRIPTOR_SECTORS,
        _ENTRIES,
        redundant,
        directory,
        overhead,
        0,  # unused
        b"\n \r\n",  # detects transfers that convert line ends
        _DEFLATE if flags & _COMPRESSED else 0,
    )


def describe(medium: Medium, subformat: str, name: str) -> bytes:
    """Return the descriptor of a disk in the file `name`. The short content identifier is the end of the long one."""
    content = medium.guid("vmdk content").hex
    sectors = medium.size // _SECTOR
    text = f"""# Disk DescriptorFile
version=1
encoding="UTF-8"
CID={content[-8:]}
parentCID=ffffffff
createType="{subformat}"

# Extent description
RW {sectors} SPARSE "{name}"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.longContentID = "{content}"
ddb.uuid.image = "{medium.guid("vmdk image")}"
ddb.geometry.cylinders = "{min(sectors // (255 * 63), 65535)}"
ddb.geometry.heads = "255"
ddb.geometry.sectors = "63"
ddb.adapterType = "lsilogic"
"""
    return text.encode().ljust(_DESCRIPTOR_SECTORS * _SECTOR, b"\0")
