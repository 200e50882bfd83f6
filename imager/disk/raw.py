"""The disk that all formats hold: a GPT with one EFI system partition with the unified kernel image.

The raw format is this disk and nothing else.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.extents import Extent
from imager.disk import esp, gpt
from imager.disk.medium import Medium
from imager.uki import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from imager.contract import Disk, Raw

MEBIBYTE = 1 << 20
ESP_START = MEBIBYTE
"""Where the partition starts, in bytes: tools and flash media like whole MiB."""
PARTITION_NAME = "EFI System Partition"


def run(request: Raw) -> None:
    """Write the disk."""
    with open_medium(request, request.label) as medium, output.writing(request.output, request.epoch) as fd:
        write(fd, medium)


def write(fd: int, medium: Medium) -> None:
    """Write a disk as it is to the empty file `fd`; what holds nothing stays a hole."""
    output.truncate(fd, medium.size)
    medium.copy(fd, 0, 0, medium.size)


@contextmanager
def open_medium(request: Disk, label: str) -> Iterator[Medium]:
    """Say what is on the disk whose partition is called `label`."""
    uki = layout.load_for(request)
    partition = esp.plan(
        size=uki.size,
        architecture=request.architecture,
        label=esp.fat_label(label),
        volume_id=int.from_bytes(hashlib.sha256(f"volume {uki.digest}".encode()).digest()[:4], "little"),
        start=ESP_START // gpt.SECTOR,
        epoch=request.epoch,
    )
    start = ESP_START + partition.program
    with uki.open_extents(start) as pieces:
        yield _medium(partition, pieces, range(start, start + uki.size), gpt.identify(uki.digest))


def _medium(partition: esp.Esp, pieces: tuple[Extent, ...], place: range, guid: Callable[[str], UUID]) -> Medium:
    # One MiB more for the second partition table keeps the disk a whole number of MiB.
    size = ESP_START + partition.size + MEBIBYTE
    first = ESP_START // gpt.SECTOR
    tables = gpt.tables(
        sectors=size // gpt.SECTOR,
        first=first,
        last=first + partition.size // gpt.SECTOR - 1,
        guid=guid,
        name=PARTITION_NAME,
    )
    extents = (
        Extent(0, tables.head),
        *(Extent(ESP_START + offset, data) for offset, data in partition.pieces),
        *pieces,
        Extent(size - len(tables.tail), tables.tail),
    )
    return Medium(size, extents, guid, place)
