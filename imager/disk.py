"""The raw disk: a GPT with one EFI system partition that holds the unified kernel image."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from imager import esp, gpt, machine, output, pe
from imager.errors import ImagerError

if TYPE_CHECKING:
    from imager.contract import Disk, Raw

MEBIBYTE = 1 << 20
ESP_START = MEBIBYTE
"""Where the partition starts, in bytes: tools and flash media like whole MiB."""
PARTITION_NAME = "EFI System Partition"


def run(request: Raw) -> None:
    """Write the disk."""
    uki = checked(request)
    mark = pe.fingerprint(uki)
    layout = esp.plan(
        size=uki.stat().st_size,
        architecture=request.architecture,
        label=esp.fat_label(request.label),
        volume_id=volume_id(mark),
        start=ESP_START // gpt.SECTOR,
        epoch=request.epoch,
    )
    # One MiB more for the second partition table keeps the disk a whole number of MiB.
    size = ESP_START + layout.size + MEBIBYTE
    with output.writing(request.output, request.epoch) as fd:
        write(fd, size=size, layout=layout, uki=uki, mark=mark)


def checked(request: Disk) -> Path:
    """Give the place of the UKI, which must be an EFI program for the asked architecture."""
    uki = Path(request.uki)
    if not uki.is_file():
        raise ImagerError(f"the EFI program {request.uki} does not exist")
    found = machine.of_pe(machine.head_of(uki))
    if found is None:
        raise ImagerError(f"{request.uki} is not an EFI program")
    if found != request.architecture or request.architecture not in esp.PROGRAM_NAMES:
        raise ImagerError(f"{request.uki} is an EFI program for {found}, not for {request.architecture}")
    return uki


def volume_id(mark: bytes) -> int:
    """Give the serial number of the FAT file system."""
    return int.from_bytes(hashlib.sha256(b"volume" + mark).digest()[:4], "little")


def write(fd: int, *, size: int, layout: esp.Esp, uki: Path, mark: bytes) -> None:
    """Write partition tables and partition to the empty file `fd`; what is between them stays a hole."""
    sectors = size // gpt.SECTOR
    first = ESP_START // gpt.SECTOR
    tables = gpt.tables(
        sectors=sectors,
        first=first,
        last=first + layout.size // gpt.SECTOR - 1,
        guid=gpt.identify(mark),
        name=PARTITION_NAME,
    )
    os.ftruncate(fd, size)
    output.write_at(fd, 0, tables.head)
    for offset, data in layout.pieces:
        output.write_at(fd, ESP_START + offset, data)
    with output.reading(uki) as source:
        output.copy_at(source, fd, ESP_START + layout.program, os.fstat(source).st_size)
    output.write_at(fd, size - len(tables.tail), tables.tail)
