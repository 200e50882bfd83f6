"""Places in a text. Lines and columns count characters from 1, as in editors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The path to a value of the spec: keys of mappings and indices of lists, such as `("users", 0, "name")`."""


class Position(NamedTuple):
    """One place, between two characters: column 1 is before the first character of the line."""

    line: int
    column: int


class Range(NamedTuple):
    """From `start` up to, but not including, `end`. `file` is an included file; empty for the build file itself."""

    start: Position
    end: Position
    file: str = ""

    @property
    def head(self) -> Range:
        """The range that a message points at: the range itself, or its first character if it spans lines."""
        if self.start.line == self.end.line:
            return self
        return self._replace(end=Position(self.start.line, self.start.column + 1))

    def line_from(self, here: Range) -> str:
        """Return how a message at `here` names the line: with its file if that is another one."""
        file = "" if self.file == here.file else f" of {self.file or 'the build file'}"
        return f"line {self.start.line}{file}"


START = Range(Position(1, 1), Position(1, 1))


class Positions(NamedTuple):
    """The places of the values of a spec, and of the keys of its mappings."""

    values: Mapping[Path, Range] = MappingProxyType({})
    keys: Mapping[Path, Range] = MappingProxyType({})

    def of(self, *path: str | int) -> Range:
        """Return the range of the value at `path`, or of its nearest ancestor that is written."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, START)

    def has(self, *path: str | int) -> bool:
        """Return whether a value is written at `path`."""
        return path in self.values

    def key(self, *path: str | int) -> Range:
        """Return the range of the last key of `path`; if it is not written, the same as `of`."""
        return self.keys.get(path) or self.of(*path)
