"""The GUID partition table with one EFI system partition (UEFI specification, section 5).

The bytes depend only on the arguments: GUIDs come from content, not from random numbers.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Callable

SECTOR = 512
ESP_TYPE = UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
_NAMESPACE = UUID("5d0b2f4e-6f3c-5f0e-9d0c-6f2b8c1a7e11")
"""Our namespace; every GUID that we make is derived from it."""
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


def identify(digest: str) -> Callable[[str], UUID]:
    """Return a function that derives the GUID of each role from the `digest` of the content."""
    return lambda role: uuid5(_NAMESPACE, f"{role} {digest}")


def tables(*, sectors: int, first: int, last: int, guid: Callable[[str], UUID], name: str) -> Tables:
    """Return the tables of a disk of `sectors` with one partition, from sector `first` to `last`, inclusive."""
    entry = struct.pack(
        "<16s16sQQQ72s",
        ESP_TYPE.bytes_le,
        guid("partition").bytes_le,
        first,
        last,
        0,
        name.encode("utf-16-le"),
    )
    entries = entry.ljust(_TABLE * SECTOR, b"\0")

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
                guid("disk").bytes_le,
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
