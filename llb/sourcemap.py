"""The origin of vertices in the user's file, so that the engine can show the lines of a failing vertex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import LlbError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proto import ops_pb2


@dataclass(frozen=True, slots=True, order=True)
class SourceRange:
    """A range in a file. Lines count from 1, characters from 0 (BuildKit transports but never prints them)."""

    start_line: int
    start_char: int
    end_line: int
    end_char: int

    def __post_init__(self) -> None:
        if not 1 <= self.start_line <= self.end_line or min(self.start_char, self.end_char) < 0:
            raise LlbError(f"{self} is not a range of a file: lines count from 1, the end is not before the start")

    def to_pb(self) -> ops_pb2.Range:
        """Return the wire message, always with both ends, because the clients' printers need them."""
        from proto import ops_pb2

        return ops_pb2.Range(
            start=ops_pb2.Position(line=self.start_line, character=self.start_char),
            end=ops_pb2.Position(line=self.end_line, character=self.end_char),
        )

    def __str__(self) -> str:
        return f"{self.start_line}:{self.start_char}-{self.end_line}:{self.end_char}"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to which ranges refer. `language` chooses the client's highlighting."""

    filename: str
    data: bytes
    language: str = "YAML"

    def to_pb(self) -> ops_pb2.SourceInfo:
        """Return the wire message."""
        from proto import ops_pb2

        return ops_pb2.SourceInfo(filename=self.filename, data=self.data, language=self.language)


@dataclass(frozen=True, slots=True)
class Origin:
    """One place in a file that a vertex comes from: a serialized SourceInfo and serialized Ranges (ours or foreign)."""

    info: bytes
    ranges: tuple[bytes, ...]


def origins(file: SourceFile | None, ranges: Iterable[SourceRange]) -> tuple[Origin, ...]:
    """Return the places of one of our vertices, one for each range, so that each becomes a separate snippet."""
    if file is None:
        return ()
    info = file.to_pb().SerializeToString(deterministic=True)
    return tuple(Origin(info, (rng.to_pb().SerializeToString(deterministic=True),)) for rng in ranges)


def source_to_pb(places: Iterable[tuple[str, tuple[Origin, ...]]]) -> ops_pb2.Source:
    """Return the wire message for pairs of vertex digest and places. Equal files appear once."""
    from proto import ops_pb2

    source = ops_pb2.Source()
    numbers: dict[bytes, int] = {}
    for digest, found in places:
        for origin in found:
            if origin.info not in numbers:
                numbers[origin.info] = len(numbers)
                source.infos.add().ParseFromString(origin.info)
            ranges = [ops_pb2.Range.FromString(data) for data in origin.ranges]
            source.locations[digest].locations.add(sourceIndex=numbers[origin.info], ranges=ranges)
    return source
