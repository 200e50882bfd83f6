"""The tree of a YAML text, before its keys and values get a meaning. Immutable; aliases share nodes."""

from __future__ import annotations

from typing import NamedTuple

from spec.positions import Position, Range
from spec.values.wording import quote


class Scalar(NamedTuple):
    """A single value as it was written. `plain`: without quotes. `dollars` are the places of each `${`, if known."""

    text: str
    plain: bool
    range: Range
    dollars: tuple[Position, ...] = ()

    @property
    def is_null(self) -> bool:
        """Whether nothing is written here, in any of YAML's ways."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")

    def place_of(self, at: int | None) -> Range:
        """Return the place of the `${` at an index of the text, or of the whole text."""
        number = self.text.count("${", 0, at or 0)
        if at is None or number >= len(self.dollars):
            return self.range
        end = self.text.find("}", at)
        width = len("${") if end < 0 or "\n" in self.text[at:end] else end + 1 - at
        start = self.dollars[number]
        return Range(start, Position(start.line, start.column + width), self.range.file)


class Sequence(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    range: Range


class Pair(NamedTuple):
    """A key and its value."""

    key: Scalar
    value: Node


class Mapping(NamedTuple):
    """Keys with values. Merge keys (`<<`) are already applied, and every key is unique."""

    pairs: tuple[Pair, ...]
    range: Range


Node = Scalar | Sequence | Mapping


def describe(node: Node) -> str:
    """Return how a message names a value."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar() if node.is_null:
            return "nothing"
        case Scalar():
            return quote(node.text)
