"""A request as a command line: written by the planner, read by a build step.

The first word is the command: the module of `imager.requests` and the class in it, such as `packing.Layer`. Flags are
the field names with `-` for `_`, each followed by its value. A text stands as it is, a number in digits, a switch as
true or false; a value of `spec` is one line of JSON (see `spec.wire`). A tuple repeats its flag; so does a mapping,
whose items are pairs. Fields with a default may be left out. Several requests of one step stand behind each other,
with the word `then` between them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, get_args, get_origin, get_type_hints

from imager.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_THEN = "then"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The base of all requests. `performed_by` is the module of `imager` whose `run(request)` does the work."""

    performed_by: ClassVar[str]

    @classmethod
    def command(cls) -> str:
        """Return the first word of the command line."""
        return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"

    def argv(self) -> tuple[str, ...]:
        """Return the command line behind `python3 -m imager`."""
        words = [self.command()]
        for field in fields(self):
            for item in _items(getattr(self, field.name)):
                words += [_flag(field.name), _word(item)]
        return tuple(words)


def join(requests: Sequence[Request]) -> tuple[str, ...]:
    """Return the command line that performs all these requests, one after the other."""
    words = list(requests[0].argv())
    for request in requests[1:]:
        words += [_THEN, *request.argv()]
    return tuple(words)


def parse(kind_of: Callable[[str], type[Request]], argv: Sequence[str]) -> tuple[Request, ...]:
    """Read a command line. `kind_of` returns the request of a command, which may be empty. Raises UsageError."""
    words = iter(argv)
    found: list[Request] = []
    more = True
    while more:
        request, more = _parse_one(kind_of(next(words, "")), words)
        found.append(request)
    return tuple(found)


def _parse_one(kind: type[Request], words: Iterator[str]) -> tuple[Request, bool]:
    """Read the flags of one request, and whether another one follows."""
    known = {_flag(field.name): field for field in fields(kind)}
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    more = False
    for flag in words:
        if flag == _THEN:
            more = True
            break
        if flag not in known:
            raise UsageError(f"{kind.command()}: unknown flag {flag!r}; the flags are {', '.join(known)}")
        text = next(words, None)
        if text is None:
            raise UsageError(f"{kind.command()}: {flag} needs a value")
        name = known[flag].name
        try:
            _take(values, name, hints[name], text)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{kind.command()}: {flag}: {error}") from None
    for flag, field in known.items():
        if field.name not in values:
            values[field.name] = _default(kind, flag, field, hints[field.name])
    return kind(**values), more


def _take(values: dict[str, Any], name: str, hint: Any, text: str) -> None:
    """Put what `text` says for the field `name` to the others. Raises ValueError, or what `wire.load` does."""
    if _is_mapping(hint):
        key, value = _loaded(get_args(hint)[1], text)
        values.setdefault(name, {})[key] = value
    elif _is_tuple(hint):
        values[name] = (*values.get(name, ()), _value(get_args(hint)[0], text))
    elif name in values:
        raise ValueError("is given twice")
    else:
        values[name] = _value(hint, text)


def _value(hint: Any, text: str) -> Any:
    if hint is str:
        return text
    if hint is bool:
        if text not in ("true", "false"):
            raise ValueError(f"expected true or false, got {text!r}")
        return text == "true"
    if hint is int:
        if not text.removeprefix("-").isdecimal():
            raise ValueError(f"expected a whole number, got {text!r}")
        return int(text)
    return _loaded(hint, text)


def _loaded(hint: Any, text: str) -> Any:
    """Return the value of `spec`, or the pair with one, that a line of JSON stands for."""
    from spec import wire  # many steps get no such value

    one = next(iter(get_args(hint)), hint)  # the classes of a union are in one module
    return wire.load(text, vars(sys.modules[one.__module__]))


def _default(kind: type[Request], flag: str, field: Field[Any], hint: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    if _is_mapping(hint):
        return {}
    if _is_tuple(hint):
        return ()
    raise UsageError(f"{kind.command()}: {flag} is missing")


def usage(kinds: Sequence[type[Request]]) -> str:
    """Describe all commands and their flags, for people."""
    lines = [f"usage: python3 -m imager COMMAND --flag value ... [{_THEN} COMMAND ...]", ""]
    for kind in kinds:
        lines.append(f"{kind.command()}: {(kind.__doc__ or '').splitlines()[0]}")
        hints = get_type_hints(kind)
        for field in fields(kind):
            repeatable = _is_mapping(hints[field.name]) or _is_tuple(hints[field.name])
            default = "" if field.default is MISSING else f" (default {_word(field.default)!r})"
            note = " (repeatable)" if repeatable else default
            lines.append(f"    {_flag(field.name)} {field.name.upper()}{note}")
    return "\n".join(lines)


def _items(value: object) -> tuple[object, ...]:
    if isinstance(value, Mapping):
        return tuple(value.items())
    return value if isinstance(value, tuple) else (value,)


def _is_mapping(hint: Any) -> bool:
    return get_origin(hint) is Mapping


def _is_tuple(hint: Any) -> bool:
    return get_origin(hint) is tuple


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _word(item: object) -> str:
    if isinstance(item, str):
        return item
    from spec import wire

    return wire.dump(item)
