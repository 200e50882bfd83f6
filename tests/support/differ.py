"""Where two images differ first, and what that byte belongs to: for tests of reproducible builds."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.imager import read_newc

_CHUNK = 1 << 20
_SECTOR = 512


@dataclass(frozen=True)
class Part:
    """A named range of bytes of a file."""

    name: str
    start: int
    end: int


def first_difference(one: Path, other: Path) -> int | None:
    """The offset of the first byte that differs or is there only once; None when the files are the same."""
    offset = 0
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            a, b = first.read(_CHUNK), second.read(_CHUNK)
            if a != b:
                same = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
                return offset + same
            if not a:
                return None
            offset += len(a)


def explain(one: Path, other: Path, uki: Path | None = None) -> str:
    """Say where the files differ first; "" when they do not. `uki` is the UKI that `one` holds, where it holds one."""
    offset = first_difference(one, other)
    if offset is None:
        return ""
    place = f"{one.name} differs first at byte {offset:,} (sizes {one.stat().st_size:,} and {other.stat().st_size:,})"
    inside = 0
    if uki is not None and one.suffix != ".efi":
        found = find(one, uki.read_bytes()[:4096])
        if found is None or not found <= offset < found + uki.stat().st_size:
            return f"{place}: {_around(one, offset)}, outside of the UKI"
        inside = found
    part = next((part for part in sections(one, inside) if part.start <= offset < part.end), None)
    if part is None:
        return f"{place}: in the headers of the UKI"
    told = f"{place}: in the UKI, section {part.name}, byte {offset - part.start:,}"
    return told + (f": {_members(one, other, part)}" if part.name == ".initrd" else "")


def find(path: Path, start: bytes) -> int | None:
    """Where the sector-aligned `start` begins in a file; None when it is not there in one piece."""
    with path.open("rb") as file:
        offset = 0
        while chunk := file.read(_SECTOR * 8192):
            at = chunk.find(start[:_SECTOR])
            while at >= 0:
                file.seek(offset + at)
                if file.read(len(start)) == start:
                    return offset + at
                at = chunk.find(start[:_SECTOR], at + 1)
            offset += len(chunk)
            file.seek(offset)
    return None


def sections(path: Path, base: int = 0) -> tuple[Part, ...]:
    """The sections of the PE program that begins at `base`."""
    with path.open("rb") as file:
        file.seek(base)
        head = file.read(4096)
    (start,) = struct.unpack_from("<I", head, 0x3C)
    count, optional = struct.unpack_from("<2xH12xH", head, start + 4)
    found = []
    for index in range(count):
        name, stored, offset = struct.unpack_from("<8s8xII", head, start + 24 + optional + 40 * index)
        found.append(Part(name.rstrip(b"\0").decode(), base + offset, base + offset + stored))
    return tuple(found)


def _around(path: Path, offset: int) -> str:
    """What stands outside of the UKI, as far as every format has it."""
    names = {0: "the boot sector", 1: "the GPT header"}
    size = path.stat().st_size
    if offset >= size - 34 * _SECTOR:
        return "the last sectors (backup GPT or footer)"
    return names.get(offset // _SECTOR, f"sector {offset // _SECTOR} (partition table, file system or block map)")


def _members(one: Path, other: Path, part: Part) -> str:
    """Which files of the initramfs differ: names, at most five."""
    packed = [dict(_unpacked(path, part)) for path in (one, other)]
    if not all(packed):
        return "its archives cannot be unpacked"
    names = sorted(packed[0].keys() | packed[1].keys())
    wrong = [name.decode(errors="replace") for name in names if packed[0].get(name) != packed[1].get(name)]
    return "other content or metadata of " + ", ".join(wrong[:5]) if wrong else "the same files, packed otherwise"


def _unpacked(path: Path, part: Part) -> Iterator[tuple[bytes, object]]:
    """Every member of the concatenated archives of a section; nothing when they are not all zstd."""
    with path.open("rb") as file:
        file.seek(part.start)
        done = subprocess.run(
            ["zstd", "-dcq"], input=file.read(part.end - part.start), capture_output=True, check=False
        )
    rest = done.stdout
    while rest:
        end = rest.find(b"TRAILER!!!\0")
        if end < 0:
            return
        end += -(end + len(b"TRAILER!!!\0")) % 4 + len(b"TRAILER!!!\0")
        yield from ((member.name, member) for member in read_newc(rest[:end]))
        rest = rest[end:].lstrip(b"\0")
