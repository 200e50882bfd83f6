"""Files and their directories in a FAT file system (see `imager.disk.esp`): one large file, and a few small ones.

What firmware looks for has names of the old form, all in capitals. All other names have the entries of a long name, and
a short one that nobody sees. Reference: Microsoft "FAT32 File System Specification" 1.03, long directory entries.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imager.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DIRECTORY, VOLUME, _FILE, _LONG, _READ_ONLY = 0x10, 0x08, 0x20, 0x0F, 0x01
_ENTRY = 32
_PER_ENTRY = 13
"""The characters of a long name in one entry."""
_LAST = 0x40
_SHORT = re.compile(r"[A-Z][A-Z0-9]{0,7}(\.EFI)?")


class ReadOnly(bytes):
    """The content of a file that firmware does not open for writing."""


@dataclass(frozen=True)
class Placed:
    """A file of `size` bytes that has clusters of its own, from `cluster` on."""

    cluster: int
    size: int


@dataclass
class Tree:
    """Files and directories in clusters of `step` bytes, from the cluster `first` on.

    `fixed` are directories that have another cluster. `entries` are those of the root directory; `content` has the
    bytes from each cluster on, and `chains` what the table says about the clusters, one after the other. `end` is the
    mark of the last cluster of a file.
    """

    first: int
    step: int
    end: int
    epoch: int
    fixed: Mapping[str, int] = field(default_factory=dict)
    entries: bytes = b""
    content: list[tuple[int, bytes]] = field(default_factory=list)
    chains: list[int] = field(default_factory=list)

    def add(self, files: Mapping[str, bytes | Placed]) -> None:
        """Add files by their paths, such as `loader/loader.conf`."""
        self.entries += self._add(files, "", 0)

    def _add(self, files: Mapping[str, bytes | Placed], above: str, parent: int) -> bytes:
        """Return the entries of the directory `above`, which is in the cluster `parent` (0: the root)."""
        entries = b""
        long_names = 0
        for name in _names(files):
            long_names += not _SHORT.fullmatch(name)
            if name in files:
                data = files[name]
                place = data if isinstance(data, Placed) else Placed(self._store(data), len(data))
                kind = _FILE | (_READ_ONLY if isinstance(data, ReadOnly) else 0)
                entries += _entries(name, long_names, kind, place.cluster, place.size, self.epoch)
                continue
            below = {path.removeprefix(f"{name}/"): data for path, data in files.items() if path.startswith(f"{name}/")}
            own = self._directory(f"{above}{name}", below)  # its own place comes first: what is in it refers to it
            data = dots(own, parent, self.epoch) + self._add(below, f"{above}{name}/", own)
            self.content = [(at, data if at == own else old) for at, old in self.content]
            entries += _entries(name, long_names, DIRECTORY, own, 0, self.epoch)
        return entries

    def _directory(self, path: str, files: Mapping[str, bytes | Placed]) -> int:
        """Return the cluster of a directory with these files, which has no content yet."""
        size = _ENTRY * (2 + sum(map(_count, _names(files))))
        if path not in self.fixed:
            return self._store(bytes(size))
        assert size <= self.step, "a directory in one cluster with more entries than that has"
        self.content.append((self.fixed[path], b""))
        return self.fixed[path]

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


def dots(own: int, parent: int, epoch: int) -> bytes:
    """Return the first two entries of a directory: itself, and the one that it is in (0: the root)."""
    return b"".join(
        entry(name.ljust(11), DIRECTORY, cluster, 0, epoch) for name, cluster in ((b".", own), (b"..", parent))
    )


def _names(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the names that paths start with."""
    return tuple(dict.fromkeys(path.partition("/")[0] for path in paths))


def _count(name: str) -> int:
    """Return how many entries a name has."""
    return 1 if _SHORT.fullmatch(name) else 1 + -(-len(name) // _PER_ENTRY)


def _entries(name: str, number: int, attributes: int, cluster: int, size: int, epoch: int) -> bytes:
    """Return the entries of a file or directory; `number` tells a long name from others in its directory."""
    if _SHORT.fullmatch(name):
        stem, _, extension = name.partition(".")
        return entry((stem.ljust(8) + extension.ljust(3)).encode(), attributes, cluster, size, epoch)
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
        middle = struct.pack("<BBB", _LONG, 0, checksum)
        entries.append(bytes([mark]) + part[:10] + middle + part[10:22] + bytes(2) + part[22:])
    return b"".join(entries) + entry(short, attributes, cluster, size, epoch)
