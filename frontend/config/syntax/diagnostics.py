"""A message at a place: the one type of all errors and warnings about a build file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from spec.positions import Range

LIMIT = 100
"""The most problems that are collected. Nobody reads more, and a hostile file must not cost time."""
_WIDTH = 160
"""The most characters of a line that an excerpt shows."""

Severity = Literal["error", "warning"]


class Diagnostic(NamedTuple):
    """One message and the place that it is about.

    `rule` is the id of the lint rule that found it, empty for all other messages. `argument` names a build argument
    that only needs a value, where nothing else is wrong.
    """

    range: Range
    message: str
    severity: Severity = "error"
    rule: str = ""
    argument: str = ""

    @property
    def text(self) -> str:
        """The message, with its rule."""
        return f"{self.message} [{self.rule}]" if self.rule else self.message


class ConfigError(Exception):
    """A build file is wrong. `str()` gives its lines."""

    def __init__(self, filename: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(filename, diagnostics)
        self.filename = filename
        self.diagnostics = diagnostics

    @property
    def lines(self) -> tuple[str, ...]:
        """One line `file:line:column: message` for each problem."""
        return tuple(
            f"{each.range.file or self.filename}:{each.range.start.line}:{each.range.start.column}: {each.text}"
            for each in self.diagnostics
        )

    def __str__(self) -> str:
        return "\n".join(self.lines)


def excerpt(lines: Sequence[str], place: Range) -> str:
    """Return the line of a file in which `place` starts, with a mark below it; of a long line, what is near.

    Nothing where the file has no such line. What could move a terminal's cursor is not shown as it is.
    """
    (number, column), end = place.start, place.end
    if not 0 < number <= len(lines):
        return ""
    line = lines[number - 1].removesuffix("\r")
    first = max(0, column - 1 - _WIDTH // 2) if len(line) > _WIDTH else 0
    shown = "".join(each if each.isprintable() or each == "\t" else "�" for each in line[first : first + _WIDTH])
    # Tabs stay tabs: so the mark is below its character however wide they are.
    blank = "".join("\t" if each == "\t" else " " for each in shown[: column - 1 - first])
    marks = min(max(1, end.column - column) if end.line == number else 1, _WIDTH - len(blank))
    return f"  {shown}\n  {blank}{'^' * marks}\n"


class TooManyProblemsError(Exception):
    """The collector is full: no more checks are needed."""


class Collector:
    """Collects problems while a file is read."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}

    def add(self, place: Range, message: str, argument: str = "") -> None:
        """Add an error once, however often an alias leads to it. Raises `TooManyProblemsError` at the limit."""
        self._found[Diagnostic(place.head, message, argument=argument)] = None
        if len(self._found) >= LIMIT:
            raise TooManyProblemsError

    def any_in(self, place: Range) -> bool:
        """Return whether a problem is known inside a range."""
        return any(
            each.range.file == place.file and place.start <= each.range.start <= place.end for each in self._found
        )

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return the problems in file order, those of included files last."""
        return tuple(sorted(self._found, key=lambda each: (each.range.file, each)))
