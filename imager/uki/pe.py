"""Add sections with big contents to a small PE program, an EFI stub, without holding them in memory.

Use: `plan()` lays the sections out behind the stub; `Plan.parts()` says what goes where. Sections are mapped
by the firmware, so each starts on a page. Reference: Microsoft "PE Format"; the sections of a unified
kernel image are those of the UAPI group's specification.
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
"""Section contains code; may be executed and read."""
DATA = 0x40000040
"""Section contains initialized data; may be read."""
_PAGE = 4096
_HEADER = 40
_LIMIT = 1 << 32
_SECURITY = 4
"""Index of the data directory that locates signatures."""


@dataclass(frozen=True)
class Section:
    """A section to add: its content is the `parts` in order, literal bytes or whole files."""

    name: str
    parts: tuple[bytes | Path, ...]
    flags: int = DATA

    @property
    def size(self) -> int:
        """Give the length of the content in bytes."""
        return sum(map(_size, self.parts))


@dataclass(frozen=True)
class Plan:
    """A finished layout: the bytes up to the first added section, and where each one goes."""

    head: bytes
    placed: tuple[tuple[int, Section], ...]
    size: int

    def parts(self) -> Iterator[tuple[int, bytes | Path]]:
        """Give the byte at which each part of the program belongs; between them are zeros."""
        yield 0, self.head
        for offset, section in self.placed:
            for part in section.parts:
                yield offset, part
                offset += _size(part)


def _size(part: bytes | Path) -> int:
    return len(part) if isinstance(part, bytes) else part.stat().st_size


def plan(stub: Path, architecture: str, sections: tuple[Section, ...]) -> Plan:
    """Lay `sections` out behind the program `stub`, which must be for `architecture`."""
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
                f"the EFI program would reach 4 GiB with its section {section.name} of {size} bytes: "
                "make the system smaller"
            )
        name = section.name.encode()
        headers += struct.pack("<8sIIII12xI", name, size, address, stop - start, start, section.flags)
        address = _up(address + size, page)
    placed = tuple(zip(starts[:-1], sections, strict=True))
    return Plan(_patch(data, pe, headers, address, starts[-1] - starts[0]), placed, starts[-1])


def _starts(end: int, sizes: list[int], file_align: int) -> list[int]:
    """Give the byte of the file at which each section starts, and where the last one ends.

    A section is stored up to the start of the next one: gaps are not part of a signature for some tools, and are
    for others (sbverify(1) warns of them).
    """
    starts = []
    for size in sizes:
        starts.append(_up(end, output.ALIGNMENT if size >= output.ALIGNMENT else file_align))
        end = starts[-1] + size
    return [*starts, _up(end, file_align)]


def _read(stub: Path, architecture: str) -> tuple[bytearray, pefile.PE]:
    """Load the stub without what follows its sections: symbols and signatures."""
    import pefile

    data = bytearray(stub.read_bytes())
    try:
        pe = pefile.PE(data=bytes(data), fast_load=True)
    except pefile.PEFormatError as error:
        raise ImagerError(f"the stub {stub} is not an EFI program: {error}") from None
    found = machine.of_pe(bytes(data))
    if found != architecture:
        raise ImagerError(f"the stub {stub} is for {found}, not for {architecture}")
    return data[: max(part.PointerToRawData + part.SizeOfRawData for part in pe.sections)], pe


def _patch(data: bytearray, pe: pefile.PE, headers: bytes, image_size: int, added: int) -> bytes:
    """Give the stub with the section `headers` and what follows from them."""
    table = pe.OPTIONAL_HEADER.get_file_offset() + pe.FILE_HEADER.SizeOfOptionalHeader
    start = table + _HEADER * pe.FILE_HEADER.NumberOfSections
    first = min(part.PointerToRawData for part in pe.sections if part.PointerToRawData)
    room = min(first, pe.OPTIONAL_HEADER.SizeOfHeaders)
    if start + len(headers) > room:
        raise ImagerError("the stub has no room for more sections: use the stub of another systemd release")
    pe.FILE_HEADER.NumberOfSections += len(headers) // _HEADER
    pe.FILE_HEADER.PointerToSymbolTable = 0
    pe.FILE_HEADER.NumberOfSymbols = 0
    pe.OPTIONAL_HEADER.SizeOfImage = image_size
    # Nobody uses this number, and it has only 32 bits.
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
