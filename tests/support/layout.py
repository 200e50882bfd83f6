"""The structure of an image outside of its UKI: names of its parts for the explanations of `differ`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_SECTOR = 512
_MIB = 1 << 20
_KIB = 1 << 10
_ADDRESS = (1 << 56) - 512
"""The bits of a qcow2 table entry that are a position in the file."""


@dataclass(frozen=True)
class Part:
    """A named range of bytes in a file."""

    name: str
    start: int
    end: int


def name_at(path: Path, offset: int) -> str:
    """Return the name of the first part that contains the byte."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        parts = _FORMATS.get(path.suffix, _disk)(file, size)
        return next((part.name for part in parts if part.start <= offset < part.end), f"nothing known (byte {offset})")


def sections(path: Path, base: int = 0) -> tuple[Part, ...]:
    """Return the sections of the PE program that begins at `base`."""
    with path.open("rb") as file:
        head = _read(file, base, 4096)
    (start,) = struct.unpack_from("<I", head, 0x3C)
    count, optional = struct.unpack_from("<2xH12xH", head, start + 4)
    found = []
    for index in range(count):
        name, stored, offset = struct.unpack_from("<8s8xII", head, start + 24 + optional + 40 * index)
        found.append(Part(name.rstrip(b"\0").decode(), base + offset, base + offset + stored))
    return tuple(found)


def _disk(file: BinaryIO, size: int) -> Iterator[Part]:
    """Yield the parts of a GPT with an ESP at 1 MiB (UEFI specification 5; Microsoft FAT specification 1.03)."""
    yield Part("the protective MBR", 0, _SECTOR)
    yield Part("the GPT header", _SECTOR, 2 * _SECTOR)
    yield Part("the GPT's partition entries", 2 * _SECTOR, 34 * _SECTOR)
    yield Part("the backup GPT's partition entries", size - 33 * _SECTOR, size - _SECTOR)
    yield Part("the backup GPT header", size - _SECTOR, size)
    yield Part("the gap before the ESP", 34 * _SECTOR, _MIB)
    reserved, copies, short, long = struct.unpack_from("<HB5xH12xI", _read(file, _MIB, 64), 14)
    tables = _MIB + reserved * _SECTOR
    directories = tables + copies * (short or long) * _SECTOR
    yield Part("the boot sectors of the ESP", _MIB, tables)
    yield Part("the file allocation tables of the ESP", tables, directories)
    yield Part("the directories or free space of the ESP", directories, size)


def _iso(file: BinaryIO, size: int) -> Iterator[Part]:
    yield Part("the CD's volume descriptors", 32 * _KIB, 38 * _KIB)
    yield Part("the CD's boot catalog, path tables or directories", 38 * _KIB, _MIB)
    yield from _disk(file, size)


def _qcow2(file: BinaryIO, size: int) -> Iterator[Part]:
    """Source: QEMU, "Qcow2 Image File Format", version 3."""
    bits, _, _, l1_size, l1, refcounts, clusters = struct.unpack_from(">IQIIQQI", _read(file, 0, 104), 20)
    cluster = 1 << bits
    yield Part("the qcow2 header", 0, cluster)
    yield Part("the qcow2 L1 table", l1, l1 + 8 * l1_size)
    yield Part("the qcow2 refcount table", refcounts, refcounts + clusters * cluster)
    for entry in _entries(file, refcounts, clusters * cluster):
        yield Part("a qcow2 refcount block", entry, entry + cluster)
    for entry in _entries(file, l1, 8 * l1_size):
        yield Part("a qcow2 L2 table", entry, entry + cluster)
    yield Part("the qcow2 data clusters", 0, size)


def _entries(file: BinaryIO, start: int, size: int) -> Iterator[int]:
    return (entry & _ADDRESS for (entry,) in struct.iter_unpack(">Q", _read(file, start, size)) if entry)


def _vmdk(file: BinaryIO, size: int) -> Iterator[Part]:
    """Source: VMware, "Virtual Disk Format" 5.0, about streams."""
    yield Part("the vmdk header", 0, _SECTOR)
    yield Part("the vmdk descriptor", _SECTOR, 21 * _SECTOR)
    names = {0: "end mark", 1: "grain table", 2: "grain directory", 3: "footer"}
    at = 128 * _SECTOR
    while at < size:
        number, length, kind = struct.unpack("<QII", _read(file, at, 16))
        end = at + (12 + length if length else _SECTOR * (1 + number))
        end += -end % _SECTOR
        yield Part(f"the vmdk grain of sector {number}" if length else f"a vmdk {names.get(kind, 'marker')}", at, end)
        at = end
    yield Part("the gap behind the vmdk descriptor", 0, size)


def _vhdx(_file: BinaryIO, size: int) -> Iterator[Part]:
    """Source: Microsoft, [MS-VHDX] 2.2."""
    names = ("file identifier", "header 1", "header 2", "region table 1", "region table 2")
    for number, name in enumerate(names):
        yield Part(f"the vhdx {name}", 64 * _KIB * number, 64 * _KIB * (number + 1))
    for number, name in enumerate(("log", "metadata", "block allocation table"), 1):
        yield Part(f"the vhdx {name}", number * _MIB, (number + 1) * _MIB)
    yield Part("the vhdx blocks", 0, size)


def _vhd(file: BinaryIO, size: int) -> Iterator[Part]:
    yield Part("the vhd footer", size - _SECTOR, size)
    yield from _disk(file, size - _SECTOR)


def _vdi(file: BinaryIO, size: int) -> Iterator[Part]:
    """Yield the parts; the header contains the positions of block map and data at 340 and 344."""
    table, data = struct.unpack_from("<II", _read(file, 0, 512), 340)
    yield Part("the vdi header", 0, table)
    yield Part("the vdi block map", table, data)
    yield Part("the vdi blocks", data, size)


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


_FORMATS: dict[str, Callable[[BinaryIO, int], Iterator[Part]]] = {
    ".iso": _iso,
    ".qcow2": _qcow2,
    ".vmdk": _vmdk,
    ".vhdx": _vhdx,
    ".vhd": _vhd,
    ".vdi": _vdi,
}
