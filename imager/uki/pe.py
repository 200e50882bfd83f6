"""Add sections with large contents to a small PE program, an EFI stub, without holding them in memory.

`plan()` places the sections after the stub, and `Plan.parts()` lists the content of the program with its positions.
The firmware maps sections, so each starts on a page. Reference: Microsoft "PE Format"; the UAPI group's specification
defines the sections of a unified kernel image.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from imager.core import machine, output
from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pefile  # type: ignore[import-untyped]

CODE = 0x60000020
"""The section contains code that the firmware may read and execute."""
DATA = 0x40000040
"""The section contains initialized data that the firmware may read."""
_PAGE = 4096
_HEADER = 40
_LIMIT = 1 << 32
_SECURITY = 4
"""The index of the data directory that locates signatures."""


@dataclass(frozen=True)
class Section:
    """A section to add: its content is `parts` in order, each literal bytes or a whole file."""

    name: str
    parts: tuple[bytes | Path, ...]
    flags: int = DATA

    @property
    def size(self) -> int:
        """The length of the content in bytes."""
        return sum(map(_size, self.parts))


@dataclass(frozen=True)
class Plan:
    """A finished layout: the bytes before the first added section, and the position of each section."""

    head: bytes
    placed: tuple[tuple[int, Section], ...]
    size: int

    def parts(self) -> Iterator[tuple[int, bytes | Path]]:
        """Yield each part of the program with its position; the bytes between parts are zeros."""
        yield 0, self.head
        for offset, section in self.placed:
            for part in section.parts:
                yield offset, part
                offset += _size(part)


def _size(part: bytes | Path) -> int:
    return len(part) if isinstance(part, bytes) else part.stat().st_size


def plan(stub: Path, architecture: str, sections: tuple[Section, ...]) -> Plan:
    """Place `sections` after the program `stub`, which must be for `architecture`."""
    data, pe = _read(stub, architecture)
    file_align = max(pe.OPTIONAL_HEADER.FileAlignment, 512)
    page = max(pe.OPTIONAL_HEADER.SectionAlignment, _PAGE)
    address = max(_up(part.VirtualAddress + part.Misc_VirtualSize, page) for part in pe.sections)
    sizes = [section.size for section in sections]
    starts = _starts(_up(len(data), file_align), sizes, file_align)
    headers = b""
    for section, size, (start, stop) in zip(sections, sizes, pairwise(starts), strict=True):
        if address + size >= _LIMIT or stop >= _LIMIT:
            raise ImagerError(
                f"the EFI program with its section {section.name} of {size} bytes reaches the limit of 4 GiB: "
                "make the system smaller"
            )
        name = section.name.encode()
        headers += struct.pack("<8sIIII12xI", name, size, address, stop - start, start, section.flags)
        address = _up(address + size, page)
    placed = tuple(zip(starts[:-1], sections, strict=True))
    return Plan(_patch(data, pe, headers, address, starts[-1] - starts[0]), placed, starts[-1])


def _starts(end: int, sizes: list[int], file_align: int) -> list[int]:
    """Return the position of each section in the file, and the end of the last one.

    Each section reaches up to the start of the next, because tools disagree about whether gaps belong to a signature
    (sbverify(1) warns about them).
    """
    starts = []
    for size in sizes:
        starts.append(_up(end, output.ALIGNMENT if size >= output.ALIGNMENT else file_align))
        end = starts[-1] + size
    return [*starts, _up(end, file_align)]


def _read(stub: Path, architecture: str) -> tuple[bytearray, pefile.PE]:
    """Load the stub without the symbols and signatures after its sections."""
    import pefile

    data = bytearray(stub.read_bytes())
    try:
        pe = pefile.PE(data=bytes(data), fast_load=True)
    except pefile.PEFormatError as error:
        raise ImagerError(f"the stub {stub} is not an EFI program: {error}") from None
    found = machine.of_pe(bytes(data))
    if found != architecture:
        raise ImagerError(f"the stub {stub} is for {found}, but the architecture is {architecture}")
    return data[: max(part.PointerToRawData + part.SizeOfRawData for part in pe.sections)], pe


def _patch(data: bytearray, pe: pefile.PE, headers: bytes, image_size: int, added: int) -> bytes:
    """Return the stub with the added section `headers` and all fields that depend on them."""
    table = pe.OPTIONAL_HEADER.get_file_offset() + pe.FILE_HEADER.SizeOfOptionalHeader
    start = table + _HEADER * pe.FILE_HEADER.NumberOfSections
    first = min(part.PointerToRawData for part in pe.sections if part.PointerToRawData)
    room = min(first, pe.OPTIONAL_HEADER.SizeOfHeaders)
    if start + len(headers) > room:
        raise ImagerError("the stub's header has no room for more sections: use the stub from another systemd release")
    pe.FILE_HEADER.NumberOfSections += len(headers) // _HEADER
    pe.FILE_HEADER.PointerToSymbolTable = 0
    pe.FILE_HEADER.NumberOfSymbols = 0
    pe.OPTIONAL_HEADER.SizeOfImage = image_size
    # Nothing reads this number, and it has only 32 bits.
    pe.OPTIONAL_HEADER.SizeOfInitializedData = (pe.OPTIONAL_HEADER.SizeOfInitializedData + added) % _LIMIT
    pe.OPTIONAL_HEADER.CheckSum = 0
    if len(pe.OPTIONAL_HEADER.DATA_DIRECTORY) > _SECURITY:
        pe.OPTIONAL_HEADER.DATA_DIRECTORY[_SECURITY].VirtualAddress = 0
        pe.OPTIONAL_HEADER.DATA_DIRECTORY[_SECURITY].Size = 0
    changed = bytearray(pe.write())
    changed[start : start + len(headers)] = headers
    return bytes(changed[: len(data)])


def _up(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment
