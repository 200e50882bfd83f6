"""A request as a command line: written by the planner, read by a build step.

Flags are the field names with `-` for `_`; every flag is followed by its value, whatever that looks like (booleans:
true or false); a tuple repeats its flag. Fields with a default may be left out. Several requests of one step stand
behind each other, with the word `then` between them.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

from imager.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Request:
    """What all requests have in common."""

    command: ClassVar[str]

    def argv(self) -> tuple[str, ...]:
        """Give the command line behind `python3 -m imager`."""
        words = [self.command]
        for field in fields(self):
            value = getattr(self, field.name)
            for item in value if isinstance(value, tuple) else (value,):
                words += [_flag(field.name), _word(item)]
        return tuple(words)


_THEN = "then"


def join(requests: Sequence[Request]) -> tuple[str, ...]:
    """Give the command line of all these requests, which are to be done one after the other."""
    words = list(requests[0].argv())
    for request in requests[1:]:
        words += [_THEN, *request.argv()]
    return tuple(words)


def parse(kind_of: Callable[[str], type[Request]], argv: Sequence[str]) -> tuple[Request, ...]:
    """Read a command line; `kind_of` gives the request of a command, which may be empty. Raises UsageError."""
    words = iter(argv)
    found: list[Request] = []
    more = True
    while more:
        request, more = _parse_one(kind_of(next(words, "")), words)
        found.append(request)
    return tuple(found)


def _parse_one(kind: type[Request], words: Iterator[str]) -> tuple[Request, bool]:
    """Read the flags of one request, and whether there is another behind it."""
    known = {_flag(field.name): field for field in fields(kind)}
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    more = False
    for flag in words:
        if flag == _THEN:
            more = True
            break
        if flag not in known:
            raise UsageError(f"{kind.command}: unknown flag {flag!r}; the flags are {', '.join(known)}")
        name = known[flag].name
        text = next(words, None)
        if text is None:
            raise UsageError(f"{kind.command}: {flag} needs a value")
        if hints[name] == tuple[str, ...]:
            values[name] = (*values.get(name, ()), text)
        elif name in values:
            raise UsageError(f"{kind.command}: {flag} is given twice")
        else:
            values[name] = _READERS.get(hints[name], _text)(kind.command, flag, text)
    for flag, field in known.items():
        if field.name not in values and hints[field.name] == tuple[str, ...]:
            values[field.name] = ()
        elif field.name not in values and field.default is MISSING:
            raise UsageError(f"{kind.command}: {flag} is missing")
    return kind(**values), more


def usage(kinds: Mapping[str, type[Request]]) -> str:
    """Describe all commands and their flags, for people."""
    lines = [f"usage: python3 -m imager COMMAND --flag value ... [{_THEN} COMMAND ...]", ""]
    for kind in kinds.values():
        lines.append(f"{kind.command}: {(kind.__doc__ or '').splitlines()[0]}")
        hints = get_type_hints(kind)
        for field in fields(kind):
            note = "" if field.default is MISSING else f" (default {_word(field.default)!r})"
            note = " (repeatable)" if hints[field.name] == tuple[str, ...] else note
            lines.append(f"    {_flag(field.name)} {field.name.upper()}{note}")
    return "\n".join(lines)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(_command: str, _flag: str, text: str) -> str:
    return text


def _truth(command: str, flag: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(f"{command}: {flag} wants true or false, not {text!r}")
    return text == "true"


def _integer(command: str, flag: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{command}: {flag} wants a whole number, not {text!r}") from None


_READERS: dict[Any, Callable[[str, str, str], Any]] = {int: _integer, bool: _truth}
