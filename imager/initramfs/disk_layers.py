"""Layers in a partition beside the program (`rootfs.source: disk`): where each lies, and what init knows of it.

The file of such a layer starts with its file system and the tree of hashes, which go to the partition. The rest, an
archive with lists for init, goes to the initramfs as always.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.archive import squashfs, verity
from imager.core import output
from imager.core.guid import identify

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from uuid import UUID


@dataclass(frozen=True)
class DiskLayer:
    """A layer that starts with `data` bytes of a file system and `tree` bytes of hashes.

    In the partition it is at byte `position`. All hashes follow from `root`, in hexadecimal.
    """

    place: Path
    position: int
    data: int
    tree: int
    root: str

    @property
    def size(self) -> int:
        """The bytes in the partition."""
        return self.data + self.tree

    def lists(self) -> bytes:
        """Return the rest: the archive with the lists for init."""
        with output.reading(self.place) as fd:
            return output.read_at(fd, self.size, os.fstat(fd).st_size - self.size)


def lay_out(places: Iterable[Path]) -> tuple[DiskLayer, ...]:
    """Return the layers in files, the lowest first, one behind the other in a partition."""
    found: list[DiskLayer] = []
    end = 0
    for place in places:
        data = squashfs.size(place)
        with output.reading(place) as fd:
            root = verity.root_hash(fd, data)
        found.append(DiskLayer(place, end + -end % output.ALIGNMENT, data, verity.tree_size(data), root))
        end = found[-1].position + found[-1].size
    return tuple(found)


def guid_of(layers: Iterable[DiskLayer]) -> UUID:
    """Return the GUID of the partition, by which init finds it: other layers, another GUID."""
    return identify(" ".join(layer.root for layer in layers))("layers")


def records(layers: tuple[DiskLayer, ...]) -> bytes:
    """Return the list for init (docs/internals/initramfs.md)."""
    numbers = (struct.pack("<3Q", layer.position, layer.data, layer.tree) for layer in layers)
    each = (layer.root.encode() + b"\0" + places for layer, places in zip(layers, numbers, strict=True))
    return guid_of(layers).bytes_le + b"".join(each)
