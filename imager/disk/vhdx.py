"""The dynamic VHDX of Hyper-V. Reference: Microsoft [MS-VHDX].

    0          identifier, two headers, two region tables
    1 MiB      log, empty
    2 MiB      metadata
    3 MiB      block allocation table
    4 MiB ...  blocks with content

Blocks have 1 MiB, the minimum. This gives the smallest images, and Microsoft recommends it for Linux.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from uuid import UUID

from imager.core import output
from imager.disk import raw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imager.disk.medium import Medium
    from imager.requests.outputs import Vhdx

BLOCK = 1 << 20
_KIB = 1 << 10
_LOG, _METADATA, _TABLE = BLOCK, 2 * BLOCK, 3 * BLOCK
_SECTOR = 512
_CHUNK = (1 << 23) * _SECTOR // BLOCK
"""The number of blocks that share a sector bitmap, whose (empty) entry follows theirs in the table (2.5)."""
_PRESENT = 6
_BAT_REGION = UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
_METADATA_REGION = UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
_FILE_PARAMETERS = UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
_DISK_SIZE = UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
_DISK_ID = UUID("BECA12AB-B2E6-4523-93EF-C309E000C746")
_LOGICAL_SECTOR = UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
_PHYSICAL_SECTOR = UUID("CDA348C7-445D-4471-9CC9-E9885251C556")
_REQUIRED, _ABOUT_DISK = 4, 2
_CASTAGNOLI = 0x82F63B78


def run(request: Vhdx) -> None:
    """Write the image."""
    with raw.open_medium(request, request.label) as medium, medium.writing(request) as fd:
        write(fd, medium)


def write(fd: int, medium: Medium) -> None:
    """Write the image to the empty file `fd`."""
    used = medium.used(BLOCK)
    table = _allocation(medium.size, used)
    length = -(-len(table) // BLOCK) * BLOCK
    regions = _regions(length)
    output.write_at(fd, 0, b"vhdxfile" + "Claylinux".encode("utf-16-le"))
    for number in (1, 2):
        output.write_at(fd, number * 64 * _KIB, _header(medium, number))
        output.write_at(fd, (2 + number) * 64 * _KIB, regions)
    output.write_at(fd, _METADATA, _metadata(medium))
    output.write_at(fd, _TABLE, table)
    medium.pack(fd, _TABLE + length, BLOCK, used)


def _allocation(size: int, used: Iterable[range]) -> bytes:
    """Return the block allocation table (2.5), which ends with the entry of the last block."""
    blocks = -(-size // BLOCK)
    entries = [0] * (blocks + (blocks - 1) // _CHUNK)
    length = -(-8 * len(entries) // BLOCK) * BLOCK
    for index, number in enumerate(number for run in used for number in run):
        entries[number + number // _CHUNK] = (_TABLE + length + index * BLOCK) | _PRESENT
    return struct.pack(f"<{len(entries)}Q", *entries)


def _header(medium: Medium, sequence: int) -> bytes:
    """Return one of the headers (2.2.2); readers use the one with the higher `sequence` number."""
    return _checked(
        struct.pack(
            "<4sIQ16s16s16sHHIQ",
            b"head",
            0,
            sequence,
            medium.guid("vhdx file").bytes_le,
            medium.guid("vhdx data").bytes_le,
            bytes(16),  # the log has no valid entry
            0,
            1,
            BLOCK,
            _LOG,
        ).ljust(4 * _KIB, b"\0")
    )


def _regions(table: int) -> bytes:
    """Return the table that locates the metadata and the block allocation table of `table` bytes (2.2.3)."""
    places = ((_BAT_REGION, _TABLE, table), (_METADATA_REGION, _METADATA, BLOCK))
    entries = b"".join(struct.pack("<16sQII", guid.bytes_le, start, size, 1) for guid, start, size in places)
    return _checked((struct.pack("<4sIII", b"regi", 0, len(places), 0) + entries).ljust(64 * _KIB, b"\0"))


def _metadata(medium: Medium) -> bytes:
    """Return the metadata table and, 64 KiB after its start, the items (2.6)."""
    items = (
        (_FILE_PARAMETERS, 0, struct.pack("<II", BLOCK, 0)),
        (_DISK_SIZE, _ABOUT_DISK, struct.pack("<Q", medium.size)),
        (_DISK_ID, _ABOUT_DISK, medium.guid("vhdx disk").bytes_le),
        (_LOGICAL_SECTOR, _ABOUT_DISK, struct.pack("<I", _SECTOR)),
        (_PHYSICAL_SECTOR, _ABOUT_DISK, struct.pack("<I", 4096)),
    )
    table = struct.pack("<8sHH20x", b"metadata", 0, len(items))
    values = b""
    for guid, flags, value in items:
        table += struct.pack("<16sIIII", guid.bytes_le, 64 * _KIB + len(values), len(value), flags | _REQUIRED, 0)
        values += value
    return table.ljust(64 * _KIB, b"\0") + values


def _checked(data: bytes) -> bytes:
    """Return `data` with the CRC-32C after its signature filled in."""
    return data[:4] + struct.pack("<I", crc32c(data)) + data[8:]


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli), which the standard library lacks."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_CASTAGNOLI if value & 1 else 0)
        table.append(value)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
