"""What an ELF program needs to start: its loader and its libraries (elf(5), ld.so(8))."""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from imager.core import machine

if TYPE_CHECKING:
    from imager.rootfs.root import Root

_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_END, _NEEDED, _STRINGS, _RPATH, _RUNPATH = 0, 1, 5, 15, 29
_HEAD = 64
_MOST_SEGMENTS, _MOST_ENTRIES, _LONGEST_TEXT = 256, 4096, 4096
"""No program has more: whoever made the file may want the build to read for ever."""


class Elf(NamedTuple):
    """A program or library. `paths` are directories of its own in which its libraries are looked for."""

    machine: str
    loader: str = ""
    libraries: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class _Layout(NamedTuple):
    """Where fields are in files of one word size; of the headers only those that are read."""

    header: str
    segment: str
    order: tuple[int, int, int]
    """Where offset, address and size are among the numbers of a segment behind its type."""
    entry: str


_LAYOUTS = {
    1: _Layout("16xHHIIII4xHHH", "IIIIII", (0, 1, 3), "iI"),
    2: _Layout("16xHHIQQQ4xHHH", "IIQQQQ", (1, 2, 4), "qQ"),
}


def read(root: Root, path: str) -> Elf | None:
    """Return what the ELF file at `path` needs; None for other files, and for those that are cut off."""
    with root.opening(path) as fd:
        if fd is None or not os.fstat(fd).st_size:
            return None
        with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:  # programs may be larger than memory
            kind = machine.of_elf(data[:_HEAD])
            layout = _LAYOUTS.get(data[4]) if kind else None
            if kind is None or layout is None:
                return None
            try:
                return _Reader(data, layout).read(kind)
            except (struct.error, ValueError):
                return None


class _Reader:
    def __init__(self, data: mmap.mmap, layout: _Layout) -> None:
        self._data = data
        self._layout = layout
        self._endian = ">" if data[5] == 2 else "<"
        self._segments = self._read_segments()

    def read(self, kind: str) -> Elf:
        loader = next((self._text(start, end) for each, start, _, end in self._segments if each == _INTERPRETER), "")
        entries = list(self._dynamic())
        table = next((self._offset(value) for tag, value in entries if tag == _STRINGS), 0)

        def texts(*tags: int) -> tuple[str, ...]:
            return tuple(self._text(table + value) for tag, value in entries if tag in tags)

        paths = tuple(path for text in texts(_RPATH, _RUNPATH) for path in text.split(":") if path)
        return Elf(kind, loader, texts(_NEEDED), paths)

    def _unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        return struct.unpack_from(self._endian + layout, self._data, offset)

    def _read_segments(self) -> list[tuple[int, int, int, int]]:
        """Return type, start, address and end of every segment."""
        header = self._unpack(self._layout.header, 0)
        start, size, count = header[4], header[7], header[8]
        found = []
        for number in range(min(count, _MOST_SEGMENTS)):
            kind, *rest = self._unpack(self._layout.segment, start + number * size)
            offset, address, length = (rest[index] for index in self._layout.order)
            found.append((kind, offset, address, offset + length))
        return found

    def _dynamic(self) -> list[tuple[int, int]]:
        size = struct.calcsize("<" + self._layout.entry)
        start, end = next(((start, end) for kind, start, _, end in self._segments if kind == _DYNAMIC), (0, 0))
        found: list[tuple[int, int]] = []
        for offset in range(start, min(end, start + size * _MOST_ENTRIES), size):
            tag, value = self._unpack(self._layout.entry, offset)
            if tag == _END:
                break
            found.append((tag, value))
        return found

    def _offset(self, address: int) -> int:
        """Return where in the file the byte is that is loaded at an address."""
        for kind, start, base, end in self._segments:
            if kind == _LOAD and base <= address < base + end - start:
                return address - base + start
        raise ValueError("no segment has this address")

    def _text(self, start: int, end: int | None = None) -> str:
        text, zero, _ = self._data[start : min(start + _LONGEST_TEXT, end or len(self._data))].partition(b"\0")
        if not zero:
            raise ValueError("this text has no end")
        return text.decode(errors="surrogateescape")
