"""The disk inside every format: a GPT with one EFI system partition that contains the unified kernel image.

A system that updates itself has a second partition, for its next versions. The raw format is only this disk.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.extents import Extent
from imager.disk import esp, gpt, versions
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


def open_medium(request: Disk, label: str, *, alone: bool = False) -> AbstractContextManager[Medium]:
    """Yield the disk for `request` with a partition called `label`; if it is to be `alone`, without one for updates."""
    uki = layout.load_for(request)
    if uki.update is None:
        return lay_out(uki, label, request.epoch, {})
    beside = versions.beside(uki, uki.update)
    space = 0 if alone else uki.update.space
    return lay_out(versions.identified(uki, beside), label, request.epoch, beside, versions.path(uki.update), space)


@contextmanager
def lay_out(
    uki: layout.UkiLayout, label: str, epoch: int, files: Mapping[str, bytes], path: str = "", space: int = 0
) -> Iterator[Medium]:
    """Yield the disk that has a program at `path`, and `files` beside it by their paths.

    Without `path` it is where firmware looks for it. `space`: bytes of a partition for updates; 0 for none.
    """
    partition = esp.plan(
        size=uki.size,
        program=path or esp.program_path(uki.architecture),
        label=esp.fat_label(label),
        volume_id=_volume_id("volume", uki),
        start=ESP_START // gpt.SECTOR,
        epoch=epoch,
        files=files,
    )
    updates = None
    if space:
        start = (ESP_START + partition.size) // gpt.SECTOR
        number = _volume_id("updates", uki)
        updates = esp.empty(size=space, label=versions.LABEL, volume_id=number, start=start, epoch=epoch)
    start = ESP_START + partition.program
    with uki.open_extents(start) as pieces:
        place = range(start, start + uki.size)
        yield _medium(partition, updates, pieces, place, gpt.identify(uki.digest))


def _volume_id(role: str, uki: layout.UkiLayout) -> int:
    return int.from_bytes(hashlib.sha256(f"{role} {uki.digest}".encode()).digest()[:4], "little")


def _medium(
    partition: esp.Esp,
    updates: esp.Esp | None,
    pieces: tuple[Extent, ...],
    place: range,
    guid: Callable[[str], UUID],
) -> Medium:
    second = ESP_START + partition.size
    # The additional MiB for the second partition table keeps the disk a whole number of MiB.
    size = second + (updates.size if updates else 0) + MEBIBYTE
    partitions = [_entry(gpt.ESP_TYPE, "partition", PARTITION_NAME, ESP_START, partition)]
    around = [Extent(ESP_START + offset, data) for offset, data in partition.pieces]
    if updates:
        partitions.append(_entry(gpt.XBOOTLDR_TYPE, "updates", versions.LABEL, second, updates))
        around += [Extent(second + offset, data) for offset, data in updates.pieces]
    tables = gpt.tables(sectors=size // gpt.SECTOR, partitions=partitions, guid=guid)
    inside = sorted((*around, *pieces), key=lambda each: each.start)
    extents = (Extent(0, tables.head), *inside, Extent(size - len(tables.tail), tables.tail))
    return Medium(size, extents, guid, place)


def _entry(kind: UUID, role: str, name: str, start: int, content: esp.Esp) -> gpt.Partition:
    first = start // gpt.SECTOR
    return gpt.Partition(kind, role, name, first, first + content.size // gpt.SECTOR - 1)
