"""A few small files and their directories in a FAT file system, beside the program (see `imager.disk.esp`).

Their names are longer than the 8.3 characters of FAT, so each has the entries of a long name, and a short one that
nobody sees. Reference: Microsoft "FAT32 File System Specification" 1.03, long directory entries.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imager.core import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTORY, VOLUME, _FILE, _LONG = 0x10, 0x08, 0x20, 0x0F
_PER_ENTRY = 13
"""The characters of a long name in one entry."""
_LAST = 0x40


@dataclass
class Tree:
    """Files and directories in clusters of `step` bytes, from the cluster `first` on.

    `entries` are those of the root directory; `content` has the bytes from each cluster on, and `chains` what the table
    says about the clusters, one after the other. `end` is the mark of the last cluster of a file.
    """

    first: int
    step: int
    end: int
    epoch: int
    entries: bytes = b""
    content: list[tuple[int, bytes]] = field(default_factory=list)
    chains: list[int] = field(default_factory=list)

    def add(self, files: Mapping[str, bytes]) -> None:
        """Add files by their paths, such as `loader/loader.conf`."""
        self.entries += self._add(files, 0)

    def _add(self, files: Mapping[str, bytes], parent: int) -> bytes:
        """Return the entries of a directory that is in the cluster `parent` (0: the root)."""
        entries = b""
        for number, name in enumerate(dict.fromkeys(path.partition("/")[0] for path in files), 1):
            if name in files:
                data = files[name]
                entries += long_entry(name, number, _FILE, self._store(data), len(data), self.epoch)
                continue
            below = {path.removeprefix(f"{name}/"): data for path, data in files.items() if path.startswith(f"{name}/")}
            own = self._store(bytes(self.step))  # its own place comes first: what is in it refers to it
            data = dots(own, parent, self.epoch) + self._add(below, own)
            assert len(data) <= self.step, "a directory with more entries than one cluster has"
            self.content = [(at, data if at == own else old) for at, old in self.content]
            entries += long_entry(name, number, DIRECTORY, own, 0, self.epoch)
        return entries

    def _store(self, data: bytes) -> int:
        """Give `data` the next clusters, and return the first of them; 0 for none."""
        if not data:
            return 0
        start = self.first + len(self.chains)
        count = -(-len(data) // self.step)
        self.chains += [*range(start + 1, start + count), self.end]
        self.content.append((start, data))
        return start


def entry(stored: bytes, attributes: int, cluster: int, size: int, epoch: int) -> bytes:
    """Return a directory entry; `stored` is the name as 11 bytes."""
    date, time = clock.fat(epoch)
    high, low = cluster >> 16, cluster & 0xFFFF
    return struct.pack("<11sBBBHHHHHHHI", stored, attributes, 0, 0, time, date, date, high, time, date, low, size)


def long_entry(name: str, number: int, attributes: int, cluster: int, size: int, epoch: int) -> bytes:
    """Return the entries of a file or directory with a long name; `number` tells it from others in its directory."""
    short = f"CLAY~{number}".ljust(11).encode()
    checksum = 0
    for byte in short:
        checksum = ((checksum >> 1 | checksum << 7) + byte) & 0xFF
    text = name.encode("utf-16-le")
    count = -(-len(name) // _PER_ENTRY)
    if len(name) % _PER_ENTRY:
        text = (text + b"\0\0").ljust(count * _PER_ENTRY * 2, b"\xff")
    entries = []
    for order in range(count, 0, -1):
        part = text[(order - 1) * _PER_ENTRY * 2 : order * _PER_ENTRY * 2]
        mark = order | (_LAST if order == count else 0)
        entries.append(struct.pack("<B10sBBB12sH4s", mark, part[:10], _LONG, 0, checksum, part[10:22], 0, part[22:]))
    return b"".join(entries) + entry(short, attributes, cluster, size, epoch)


def dots(own: int, parent: int, epoch: int) -> bytes:
    """Return the first two entries of a directory: itself, and the one that it is in (0: the root)."""
    return b"".join(
        entry(name.ljust(11), DIRECTORY, cluster, 0, epoch) for name, cluster in ((b".", own), (b"..", parent))
    )
