"""The disk inside every format: a GPT with one EFI system partition that contains the unified kernel image.

The raw format is only this disk.
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
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from uuid import UUID

    from imager.requests.outputs import Disk, Raw

MEBIBYTE = 1 << 20
ESP_START = MEBIBYTE
"""The start of the partition in bytes: tools and flash media prefer whole MiB."""
PARTITION_NAME = "EFI System Partition"


def run(request: Raw) -> None:
    """Write the disk."""
    with open_medium(request, request.label) as medium, medium.writing(request) as fd:
        write(fd, medium)


def write(fd: int, medium: Medium) -> None:
    """Write the bytes of a disk to the empty file `fd`; unused parts stay holes."""
    output.truncate(fd, medium.size)
    medium.copy(fd, 0, 0, medium.size)


def open_medium(request: Disk, label: str) -> AbstractContextManager[Medium]:
    """Yield the disk for `request` with a partition called `label`."""
    return lay_out(layout.load_for(request), label, request.epoch, {})


@contextmanager
def lay_out(uki: layout.UkiLayout, label: str, epoch: int, files: Mapping[str, bytes]) -> Iterator[Medium]:
    """Yield the disk that has a program, and `files` beside it by their paths."""
    partition = esp.plan(
        size=uki.size,
        architecture=uki.architecture,
        label=esp.fat_label(label),
        volume_id=int.from_bytes(hashlib.sha256(f"volume {uki.digest}".encode()).digest()[:4], "little"),
        start=ESP_START // gpt.SECTOR,
        epoch=epoch,
        files=files,
    )
    start = ESP_START + partition.program
    with uki.open_extents(start) as pieces:
        yield _medium(partition, pieces, range(start, start + uki.size), gpt.identify(uki.digest))


def _medium(partition: esp.Esp, pieces: tuple[Extent, ...], place: range, guid: Callable[[str], UUID]) -> Medium:
    # The additional MiB for the second partition table keeps the disk a whole number of MiB.
    size = ESP_START + partition.size + MEBIBYTE
    first = ESP_START // gpt.SECTOR
    tables = gpt.tables(
        sectors=size // gpt.SECTOR,
        first=first,
        last=first + partition.size // gpt.SECTOR - 1,
        guid=guid,
        name=PARTITION_NAME,
    )
    around = (Extent(ESP_START + offset, data) for offset, data in partition.pieces)
    inside = sorted((*around, *pieces), key=lambda each: each.start)
    extents = (Extent(0, tables.head), *inside, Extent(size - len(tables.tail), tables.tail))
    return Medium(size, extents, guid, place)
