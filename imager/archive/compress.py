"""The destination of an archive: a file, or a compressor in front of one, in bounded memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from imager.archive import compressors
from imager.core import output, tools
from imager.core.errors import UsageError
from spec.compression import LEVELS, NONE

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Compression:
    """A valid choice: `kind` is none or one of `LEVELS`, and `level` is its level (0 for none)."""

    kind: str
    level: int

    @classmethod
    def parse(cls, text: str) -> Compression:
        """Return the choice in the text `kind[:level]`; raises UsageError."""
        kind, colon, level = text.partition(":")
        if kind == NONE and not colon:
            return cls(NONE, 0)
        if kind not in LEVELS:
            raise UsageError(
                f"unknown compression {text!r}: use {', '.join((NONE, *LEVELS))}, or a level such as zstd:19"
            )
        first, last, default = LEVELS[kind]
        if not colon:
            return cls(kind, default)
        if not level.isascii() or not level.isdigit() or not first <= int(level) <= last:
            raise UsageError(
                f"the level of {kind} must be {first} to {last}, for example {kind}:{default}; got {level!r}"
            )
        return cls(kind, int(level))


_PIECE = 1 << 24
"""The bytes of a large file that go out at once: between them, `sent` is brought up to date."""


class Sink(Protocol):
    """Receives the bytes of an archive in order."""

    @property
    def sent(self) -> int:
        """The bytes so far."""
        ...

    def write(self, data: bytes | bytearray) -> None:
        """Receive `data`."""

    def send(self, source: int, start: int, size: int) -> None:
        """Receive `size` bytes from `start` of the open file `source`."""


class Descriptor:
    """A sink that writes to a file or pipe; large files never pass through this process."""

    def __init__(self, fd: int) -> None:
        self.sent = 0
        self._fd = fd

    def write(self, data: bytes | bytearray) -> None:
        """Write `data`."""
        output.write_all(self._fd, data)
        self.sent += len(data)

    def send(self, source: int, start: int, size: int) -> None:
        """Write `size` bytes from `start` of the open file `source`."""
        for at in range(start, start + size, _PIECE):
            piece = min(_PIECE, start + size - at)
            output.send(source, self._fd, at, piece)
            self.sent += piece


@contextmanager
def compressing(choice: Compression, fd: int) -> Iterator[Sink]:
    """Yield a sink that writes compressed bytes to the file `fd`; the file is complete when the block ends."""
    if choice.kind == NONE:
        yield Descriptor(fd)
        return
    program = compressors.program(choice.kind, choice.level)
    with tools.filter_to(program.argv, fd, program.environment) as stdin:
        yield Descriptor(stdin)
    output.write_all(fd, program.end)
