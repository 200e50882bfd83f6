"""The tree of a YAML text, before anything is known about what it should say. Immutable; aliases share nodes."""

from __future__ import annotations

from typing import NamedTuple

from spec.positions import Range
from spec.values.wording import quote


class Scalar(NamedTuple):
    """A single value, as it was written: `plain` ones were not quoted."""

    text: str
    plain: bool
    range: Range

    @property
    def is_null(self) -> bool:
        """Whether nothing is written here, in one of YAML's ways to say so."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


class Sequence(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    range: Range


class Pair(NamedTuple):
    """A key and its value."""

    key: Scalar
    value: Node


class Mapping(NamedTuple):
    """Keys with values; merge keys (`<<`) are already carried out, and every key is there once."""

    pairs: tuple[Pair, ...]
    range: Range


Node = Scalar | Sequence | Mapping


def describe(node: Node) -> str:
    """Return what kind of value this is, in the words of a message."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar() if node.is_null:
            return "nothing"
        case Scalar():
            return quote(node.text)
