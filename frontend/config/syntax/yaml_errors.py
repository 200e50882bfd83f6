"""Syntax errors of YAML in plain words. The texts on the left are libyaml's (scanner.c and parser.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec.positions import START, Position, Range
from spec.values.wording import quote

if TYPE_CHECKING:
    import yaml

_INDENT = "wrong indentation: all keys or items of a block must start in the same column"
_TAB = "YAML does not allow tabs for indentation: use spaces"
_SECOND_COLON = (
    "this `:` starts a second key on the same line, or a key below a value: put quotes around a value that contains "
    "`: `, or fix the indentation"
)
_QUOTE = "this quoted text has no closing quote: close it"
_BRACKET = "close it, add a missing comma between {items}, or double a quote inside quotes"
_WORDS = {
    "mapping values are not allowed in this context": _SECOND_COLON,
    "mapping keys are not allowed in this context": "a value must not start with `? `: put quotes around it",
    "block sequence entries are not allowed in this context": "a list of `- ` items must start on its own line: move "
    "the `-` to the next line, or write `[item, item]`",
    "did not find expected key": _INDENT,
    "did not find expected '-' indicator": _INDENT,
    "did not find expected comment or line break": "text after `|` or `>` must start on the next line",
    "did not find expected alphabetic or numeric character": "`&` and `*` need a name (for example `&name`): put "
    "quotes around a value that starts with one of them",
    "did not find expected node content": "a value is missing here, or needs quotes",
    "did not find expected <document start>": "nothing can follow here: remove an extra bracket or quote, or "
    "write `key: value`",
    "found unknown escape character": "`\\` starts an escape in double quotes: write `\\\\`, or use single quotes",
    "found invalid Unicode character escape code": "this escape is not a valid character: fix it",
    "found a tab character that violates indentation": _TAB,
    "found a tab character where an indentation space is expected": _TAB,
    "found incompatible YAML document": "only YAML 1.1 and 1.2 are supported: remove the %YAML line",
    "found unknown directive name": "a line must not start with `%`: put quotes around the value",
}
_AT_START = {
    # Here the mistake is at the start of the construct, not where the parser gave up.
    ("while scanning a quoted scalar", "found unexpected end of stream"): _QUOTE,
    ("while scanning a quoted scalar", "found unexpected document indicator"): _QUOTE,
    ("while scanning a simple key", "could not find expected ':'"): "this line is neither a key nor a list item: write "
    "`key: value`, or `- item` with a space after the `-`",
    ("while parsing a flow sequence", "did not find expected ',' or ']'"): "this `[` has no `]`: "
    + _BRACKET.format(items="items"),
    ("while parsing a flow mapping", "did not find expected ',' or '}'"): "this `{` has no `}`: "
    + _BRACKET.format(items="keys"),
}


def explain(error: yaml.YAMLError, text: str) -> tuple[Range, str]:
    """Return the place of a syntax error in `text`, and a message."""
    problem = str(getattr(error, "problem", None) or "unreadable text")
    context = str(getattr(error, "context", None) or "")
    mark = getattr(error, "problem_mark", None)
    start = getattr(error, "context_mark", None)
    words = _AT_START.get((context, problem))
    if words is not None and start is not None:
        argument = _argument(text, start.index, mark.index) if mark is not None and "flow" in context else None
        return argument or (at(start, text), words)
    if mark is None:
        return START, f"invalid YAML: {problem}"
    place = at(mark, text)
    if problem == "found character that cannot start any token":
        return place, _bad_start(text, place.start)
    return place, _WORDS.get(problem) or f"invalid YAML: {problem} {context}".rstrip()


_ARGUMENT = re.compile(r"(?<=[\[{,: \n])[^\s\"'\[{,:#]{0,99}\$\{[^}\n]{0,99}\}[^\s,\]}]{0,99}")


def _argument(text: str, start: int, end: int) -> tuple[Range, str] | None:
    """Return the place of an unquoted `${...}` in brackets and a message, if the parser stopped there."""
    start = max(start, text.rfind("\n", 0, end))
    found = next((each for each in _ARGUMENT.finditer(text, start) if each.start() < end <= each.end()), None)
    if found is None:
        return None
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    place = Range(Position(line, column), Position(line, column + len(found[0])))
    return place, f"a value with `${{` needs quotes inside brackets: write {quote(found[0])}"


def at(mark: yaml.Mark, text: str) -> Range:
    """Return the character at a mark. At the end of the text, libyaml counts a line that does not exist."""
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
        f"a value must not start with `{found}`: put quotes around it"
        if found != "`"
        else "a value must not start with a backtick: put quotes around it"
    )
