"""The first difference between two images, and the part that contains it: for tests of reproducible builds."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.support import initrd, layout
from tests.support.layout import Part

_CHUNK = 1 << 20
_SECTOR = 512
_QEMU_NAMES = {".qcow2": "qcow2", ".vmdk": "vmdk", ".vhdx": "vhdx", ".vdi": "vdi"}
"""The formats that store the disk in several parts, with QEMU's names for them."""


def first_difference(one: Path, other: Path) -> int | None:
    """Return the offset of the first byte that differs or exists only once, or None if the files are equal."""
    offset = 0
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            a, b = first.read(_CHUNK), second.read(_CHUNK)
            same = _first(a, b)
            if same is not None:
                return offset + same
            if not a:
                return None
            offset += len(a)


def _first(one: bytes, other: bytes) -> int | None:
    """Return the offset of the first byte that differs, or None. Halves large inputs with the fast `==`."""
    if one == other:
        return None
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def explain(one: Path, other: Path, uki: Path | None = None) -> str:
    """Describe the first difference; "" if there is none. `uki` is the UKI in `one`, if it contains one."""
    offset = first_difference(one, other)
    if offset is None:
        return ""
    place = f"{one.name} differs first at byte {offset:,} (sizes {one.stat().st_size:,} and {other.stat().st_size:,})"
    if one.suffix in _QEMU_NAMES:
        return f"{place}: in {layout.name_at(one, offset)}; {_inside(one, other, uki)}"
    start = 0
    if uki is not None and one.suffix != ".efi":
        # The header of the UKI in a disk differs from that of the file (no os-release), but not its DOS program.
        head = uki.read_bytes()[:_SECTOR]
        found = find(one, head[: int.from_bytes(head[0x3C:0x40], "little")])
        if found is None or not found <= offset < found + uki.stat().st_size:
            return f"{place}: in {layout.name_at(one, offset)}, outside of the UKI"
        start = found
    return f"{place}: in {_in_program(one, other, start, offset)}"


def _in_program(one: Path, other: Path, start: int, offset: int) -> str:
    """Describe the position of the byte in the programs that begin at byte `start`."""
    mine = {part.name: part for part in layout.sections(one, start)}
    theirs = {part.name: part for part in layout.sections(other, start)}
    part = next((part for part in mine.values() if part.start <= offset < part.end), None)
    if part is not None:
        return f"the UKI, section {_in_section(one, other, part, theirs.get(part.name, part), offset - part.start)}"
    # The headers contain sizes; the question is why these differ.
    for name, part in mine.items():
        pair = theirs.get(name)
        inside = None if pair is None else _first(_bytes(one, part), _bytes(other, pair))
        if pair is not None and inside is not None:
            return f"the headers of the UKI; section {_in_section(one, other, part, pair, inside)}"
    return "the headers of the UKI"


def _in_section(one: Path, other: Path, part: Part, theirs: Part, offset: int) -> str:
    told = f"{part.name}, byte {offset:,}"
    if part.name != ".initrd":
        return told
    return f"{told}: {initrd.explain(_bytes(one, part), _bytes(other, theirs), offset)}"


def _inside(one: Path, other: Path, uki: Path | None) -> str:
    """Describe the difference between the disks in two images, as QEMU reads them."""
    with tempfile.TemporaryDirectory(dir=one.parent) as scratch:
        raws = [Path(scratch) / name / f"{one.stem}.raw" for name in ("one", "other")]
        for image, raw in zip((one, other), raws, strict=True):
            raw.parent.mkdir()
            argv = ["qemu-img", "convert", "-f", _QEMU_NAMES[one.suffix], "-O", "raw", str(image), str(raw)]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return f"the disk inside cannot be read: {done.stderr.strip()}"
        return explain(raws[0], raws[1], uki) or "the disk inside is the same"


def _bytes(path: Path, part: Part) -> bytes:
    with path.open("rb") as file:
        file.seek(part.start)
        return file.read(part.end - part.start)


def find(path: Path, start: bytes) -> int | None:
    """Return where the sector-aligned `start` begins in a file, or None if it is not there in one piece."""
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
