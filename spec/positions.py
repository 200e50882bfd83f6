"""Places in a text: lines and columns count characters from 1, as editors show them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The way to a value of the spec: keys of mappings and indices of lists, such as `("users", 0, "name")`."""


class Position(NamedTuple):
    """One place, between two characters: column 1 is before the first character of the line."""

    line: int
    column: int


class Range(NamedTuple):
    """From `start` up to, not including, the character at `end`. `file`: an included file; empty: the file itself."""

    start: Position
    end: Position
    file: str = ""

    @property
    def head(self) -> Range:
        """The range itself, or its first character where it spans lines: what a message points at."""
        if self.start.line == self.end.line:
            return self
        return self._replace(end=Position(self.start.line, self.start.column + 1))

    def line_from(self, here: Range) -> str:
        """Return how a message at `here` names the line: with its file, where that is another one."""
        file = "" if self.file == here.file else f" of {self.file or 'the build file'}"
        return f"line {self.start.line}{file}"


START = Range(Position(1, 1), Position(1, 1))


class Positions(NamedTuple):
    """Where the values of a spec, and the keys of its mappings, were written."""

    values: Mapping[Path, Range] = MappingProxyType({})
    keys: Mapping[Path, Range] = MappingProxyType({})

    def of(self, *path: str | int) -> Range:
        """Return the range of the value at `path`, or of its nearest ancestor that is in the file."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, START)

    def has(self, *path: str | int) -> bool:
        """Whether something is written at `path`."""
        return path in self.values

    def key(self, *path: str | int) -> Range:
        """Return the range of the key that `path` ends with; where it is not in the file, as `of`."""
        return self.keys.get(path) or self.of(*path)
