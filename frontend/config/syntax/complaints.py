"""YAML's own complaints in plain words. The texts on the left are libyaml's (scanner.c and parser.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec.positions import START, Position, Range

if TYPE_CHECKING:
    import yaml

_INDENT = "this line does not fit the lines above: a key or item must start in the same column as its neighbours"
_TAB = "a tab cannot indent in YAML: use spaces"
_SECOND_COLON = (
    "this `:` makes a second key on one line or a key under a value: put quotes around a value that has `: ` in it, "
    "or correct the indentation"
)
_QUOTE = "the text that starts with a quote here has no closing quote"
_WORDS = {
    "mapping values are not allowed in this context": _SECOND_COLON,
    "mapping keys are not allowed in this context": "a value cannot start with `? `: put quotes around it",
    "block sequence entries are not allowed in this context": "a list with `- ` starts on a line of its own: put the "
    "`-` on the next line, or write `[item, item]`",
    "did not find expected key": _INDENT,
    "did not find expected '-' indicator": _INDENT,
    "did not find expected comment or line break": "the text after `|` or `>` starts on the next line",
    "did not find expected alphabetic or numeric character": "a name must follow `&` or `*`: put quotes around a "
    "value that starts with one",
    "did not find expected node content": "a value is missing here, or should be in quotes",
    "did not find expected <document start>": "nothing can follow here: is a bracket or quote too much, or is "
    "this line a key that needs `: `?",
    "found unknown escape character": "in double quotes `\\` starts an escape: write `\\\\`, or use single quotes",
    "found invalid Unicode character escape code": "there is no such character: correct the escape",
    "found a tab character that violates indentation": _TAB,
    "found a tab character where an indentation space is expected": _TAB,
    "found incompatible YAML document": "only YAML 1.1 and 1.2 are known: remove the %YAML line",
    "found unknown directive name": "a line cannot start with `%`: put quotes around the value",
}
_AT_START = {
    # Here the mistake is where the construct begins, not where the parser gave up.
    ("while scanning a quoted scalar", "found unexpected end of stream"): _QUOTE,
    ("while scanning a quoted scalar", "found unexpected document indicator"): _QUOTE,
    ("while scanning a simple key", "could not find expected ':'"): "this line is neither a key nor an item: write "
    "`key: value`, or `- item` with a space after the `-`",
    ("while parsing a flow sequence", "did not find expected ',' or ']'"): "this `[` has no `]`, or a comma is "
    "missing between two items, or a quote inside quotes is not doubled",
    ("while parsing a flow mapping", "did not find expected ',' or '}'"): "this `{` has no `}`, or a comma is "
    "missing between two keys, or a quote inside quotes is not doubled",
}


def explain(error: yaml.YAMLError, text: str) -> tuple[Range, str]:
    """Return the place and the meaning of a syntax error in `text`."""
    problem = str(getattr(error, "problem", None) or "it cannot be read")
    context = str(getattr(error, "context", None) or "")
    mark = getattr(error, "problem_mark", None)
    start = getattr(error, "context_mark", None)
    words = _AT_START.get((context, problem))
    if words is not None and start is not None:
        argument = _argument(text, start.index, mark.index) if mark is not None and "flow" in context else None
        return argument or (at(start, text), words)
    if mark is None:
        return START, f"this is not valid YAML: {problem}"
    place = at(mark, text)
    if problem == "found character that cannot start any token":
        return place, _bad_start(text, place.start)
    return place, _WORDS.get(problem) or f"this is not valid YAML: {problem} {context}".rstrip()


_ARGUMENT = re.compile(r"(?<=[\[{,: \n])[^\s\"'\[{,:#]{0,99}\$\{[^}\n]{0,99}\}[^\s,\]}]{0,99}")


def _argument(text: str, start: int, end: int) -> tuple[Range, str] | None:
    """Return where a `${...}` without quotes stands in brackets, if that is what the parser stopped at."""
    start = max(start, text.rfind("\n", 0, end))
    found = next((each for each in _ARGUMENT.finditer(text, start) if each.start() < end <= each.end()), None)
    if found is None:
        return None
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    place = Range(Position(line, column), Position(line, column + len(found[0])))
    return place, f'in brackets, a value with `${{` needs quotes: write "{found[0]}"'


def at(mark: yaml.Mark, text: str) -> Range:
    """Return the character at a mark. libyaml counts an end of line that the end of the text does not have."""
    lines = text.splitlines() or [""]
    line = min(mark.line, len(lines) - 1)
    last = len(lines[line]) + 1
    column = min(mark.column + 1, last) if mark.line == line else last
    return Range(Position(line + 1, column), Position(line + 1, min(column + 1, last)))


def _bad_start(text: str, place: Position) -> str:
    line = text.splitlines()[place.line - 1]
    found = line[place.column - 1 : place.column]
    if found == "\t":
        return _TAB
    return (
        f"a value cannot start with `{found}`: put quotes around it"
        if found != "`"
        else "a value cannot start with a backtick: put quotes around it"
    )
