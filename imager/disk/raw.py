"""The disk inside every format: a GPT with one EFI system partition that contains the unified kernel image.

A system that updates itself has a second partition, for its next versions; one that stays on the disk has one for its
layers. The raw format is only this disk.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from imager.core import output
from imager.core.extents import Extent
from imager.core.guid import identify
from imager.disk import esp, gpt, versions
from imager.disk.medium import Medium
from imager.uki import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from imager.requests.outputs import Disk, Raw

MEBIBYTE = 1 << 20
ESP_START = MEBIBYTE
"""The start of the partition in bytes: tools and flash media prefer whole MiB."""
PARTITION_NAME, LAYERS_NAME = "EFI System Partition", "LAYERS"


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
    guid = identify(uki.digest)
    start, end = ESP_START + partition.program, ESP_START + partition.size
    found = [_entry(gpt.ESP_TYPE, guid("partition"), PARTITION_NAME, ESP_START, end)]
    content = [Extent(ESP_START + offset, data) for offset, data in partition.pieces]
    with ExitStack() as stack:
        content += stack.enter_context(uki.open_extents(start))
        if space:
            first, number = end // gpt.SECTOR, _volume_id("updates", uki)
            updates = esp.empty(size=space, label=versions.LABEL, volume_id=number, start=first, epoch=epoch)
            content += (Extent(end + offset, data) for offset, data in updates.pieces)
            found.append(_entry(gpt.XBOOTLDR_TYPE, guid("updates"), versions.LABEL, end, end + updates.size))
            end += updates.size
        if uki.layers:
            content += stack.enter_context(layout.open_extents(uki.layers.pieces, end))
            size = uki.layers.size + -uki.layers.size % MEBIBYTE
            found.append(_entry(gpt.LINUX_TYPE, UUID(uki.layers.guid), LAYERS_NAME, end, end + size))
            end += size
        # The additional MiB for the second partition table keeps the disk a whole number of MiB.
        yield _medium(end + MEBIBYTE, found, content, range(start, start + uki.size), guid)


def _volume_id(role: str, uki: layout.UkiLayout) -> int:
    return int.from_bytes(hashlib.sha256(f"{role} {uki.digest}".encode()).digest()[:4], "little")


def _entry(kind: UUID, guid: UUID, name: str, start: int, end: int) -> gpt.Partition:
    return gpt.Partition(kind, guid, name, start // gpt.SECTOR, end // gpt.SECTOR - 1)


def _medium(
    size: int, partitions: list[gpt.Partition], content: list[Extent], place: range, guid: Callable[[str], UUID]
) -> Medium:
    tables = gpt.tables(sectors=size // gpt.SECTOR, partitions=partitions, disk=guid("disk"))
    inside = sorted(content, key=lambda each: each.start)
    extents = (Extent(0, tables.head), *inside, Extent(size - len(tables.tail), tables.tail))
    return Medium(size, extents, guid, place)
