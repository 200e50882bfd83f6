"""Bytes with their final position before they are written: short literals, and long payloads in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import output

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Payload:
    """`size` bytes of the open file `fd`, from byte `start`."""

    fd: int
    size: int
    start: int = 0


@dataclass(frozen=True)
class Extent:
    """Content that begins at byte `start` of the disk."""

    start: int
    content: bytes | Payload

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.start + (len(self.content) if isinstance(self.content, bytes) else self.content.size)

    def read(self, low: int, high: int) -> bytes:
        """Return the bytes from `low` to `high` of the disk."""
        if isinstance(self.content, bytes):
            return self.content[low - self.start : high - self.start]
        return output.read_at(self.content.fd, self.content.start + low - self.start, high - low)

    def copy(self, target: int, at: int, low: int, high: int) -> None:
        """Copy the bytes from `low` to `high` of the disk to byte `at` of the new file `target`."""
        if isinstance(self.content, bytes):
            output.write_at(target, at, self.read(low, high))
        else:
            output.copy_at(self.content.fd, target, at, high - low, self.content.start + low - self.start)


def chunks(extents: tuple[Extent, ...], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from `start` to `end`, chunk by chunk; between the extents there are zeros."""
    for extent in extents:
        low, high = max(start, extent.start), min(end, extent.end)
        if low >= high:
            continue
        yield from _zeros(low - start)
        for at in range(low, high, _CHUNK):
            yield extent.read(at, min(at + _CHUNK, high))
        start = high
    yield from _zeros(end - start)


def _zeros(size: int) -> Iterator[bytes]:
    for at in range(0, size, _CHUNK):
        yield bytes(min(_CHUNK, size - at))
