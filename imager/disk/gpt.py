"""The GUID partition table (UEFI specification, section 5).

The bytes depend only on the arguments: GUIDs come from content, not from random numbers (`imager.core.guid`).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Sequence

SECTOR = 512
ESP_TYPE = UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
XBOOTLDR_TYPE = UUID("BC13C2FF-59E6-4262-A352-B275FD6F7172")
"""What a boot manager looks for programs on, too (UAPI group, "Discoverable Partitions Specification")."""
LINUX_TYPE = UUID("0FC63DAF-8483-4772-8E79-3D69D8477DE4")
"""Of a partition with data for Linux, which nothing mounts by itself."""
_ENTRIES = 128
_ENTRY = 128
_TABLE = _ENTRIES * _ENTRY // SECTOR
"""The partition entries, in sectors."""
HEAD = 1 + 1 + _TABLE
"""Sectors at the start of the disk: protective MBR, header, entries."""
TAIL = _TABLE + 1
"""Sectors at the end of the disk: entries, header."""


@dataclass(frozen=True)
class Tables:
    """The bytes at the start and at the end of the disk."""

    head: bytes
    tail: bytes


@dataclass(frozen=True)
class Partition:
    """A partition from sector `first` to `last`, inclusive; `name` is for people."""

    kind: UUID
    guid: UUID
    name: str
    first: int
    last: int


def tables(*, sectors: int, partitions: Sequence[Partition], disk: UUID) -> Tables:
    """Return the tables of a `disk` of `sectors`."""
    entries = b"".join(
        struct.pack(
            "<16s16sQQQ72s",
            each.kind.bytes_le,
            each.guid.bytes_le,
            each.first,
            each.last,
            0,
            each.name.encode("utf-16-le"),
        )
        for each in partitions
    ).ljust(_TABLE * SECTOR, b"\0")

    def header(own: int, other: int, start: int) -> bytes:
        def pack(crc: int) -> bytes:
            return struct.pack(
                "<8sIIIIQQQQ16sQIII",
                b"EFI PART",
                0x10000,
                92,
                crc,
                0,
                own,
                other,
                HEAD,
                sectors - TAIL - 1,
                disk.bytes_le,
                start,
                _ENTRIES,
                _ENTRY,
                zlib.crc32(entries),
            )

        return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")

    return Tables(
        head=_protective_mbr(sectors) + header(1, sectors - 1, 2) + entries,
        tail=entries + header(sectors - 1, 1, sectors - TAIL),
    )


def _protective_mbr(sectors: int) -> bytes:
    """Return an MBR that marks the whole disk as used, for programs that only support MBR (UEFI 5.2.3)."""
    size = min(sectors - 1, 0xFFFFFFFF)
    partition = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, size)
    return (b"\0" * 446 + partition).ljust(510, b"\0") + b"\x55\xaa"
