"""`${NAME}` in values: the grammar of compose, applied to the values of the tree, never to the text of the file.

    ${V}                    the value of V
    ${V:-word}  ${V-word}   `word` if V is empty or has no value (without `:`: if it has no value)
    ${V:?text}  ${V?text}   an error with this text in that case
    ${V:+word}  ${V+word}   `word` if V has a value
    $$                      one `$`

A `$` before anything else stands for itself: `$host` in an nginx.conf is not an argument of the build. Words may
contain further `${...}`. The results are never parsed as YAML again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from frontend.config.syntax.diagnostics import LIMIT
from spec.values.wording import code, quote, suggest

_OPEN = re.compile(r"\$(\$|\{)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEPTH = 16
_LARGEST = 1 << 20
_ALL = 16 << 20
"""Characters of all values together that have arguments."""
_ESCAPE = "write `$${` for a literal `${`"


class Mistake(NamedTuple):
    """One `${...}` that has no value: a sentence, and the index of its `$`, or None if the whole text is wrong.

    `argument` names the argument that only needs a value, where nothing else is wrong.
    """

    message: str
    at: int | None = None
    argument: str = ""


class InterpolationError(ValueError):
    """A value cannot be made. `mistakes` has everything that is wrong with its `${...}`, in order."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(each.message for each in mistakes))
        self.mistakes = mistakes


class Variables:
    """The arguments of a build. `used` collects the names that values refer to.

    `provisional` values are not those of the build, and `incomplete` ones lack those of a file that cannot be read.
    Errors that they may cause are excused, and `excused` tells that there were some.
    """

    def __init__(self, values: Mapping[str, str], *, provisional: bool = False, incomplete: bool = False) -> None:
        self.values = values
        self.used: set[str] = set()
        self.excused = False
        self._size = 0
        self._provisional = provisional
        self._incomplete = incomplete

    def excuse(self, text: str, error: ValueError) -> bool:
        """Return whether the values may have caused `error`, which came from `text`."""
        mistyped = isinstance(error, InterpolationError) and not all(each.argument for each in error.mistakes)
        excused = "${" in text and (self._incomplete or (self._provisional and not mistyped))
        self.excused |= excused
        return excused

    def expand(self, text: str) -> str:
        """Return `text` with every `${...}` replaced. Raises `InterpolationError`."""
        if "$" not in text:
            return text
        expansion = _Expansion(text, self)
        try:
            result = expansion.words(0, nested=0)[0]
        except _StopError:
            result = ""
        if expansion.mistakes:
            raise InterpolationError(*expansion.mistakes)
        self._size += len(result)
        if self._size > _ALL:
            raise InterpolationError(Mistake("arguments make the values of this file larger than 16 MiB"))
        return result


class _StopError(Exception):
    """The rest of the text cannot be read; the reason is in `mistakes`."""


class _Expansion:
    """One text while it is expanded. `mistakes` are what is wrong with it."""

    def __init__(self, text: str, variables: Variables) -> None:
        self.mistakes: list[Mistake] = []
        self._text = text
        self._variables = variables

    def words(self, start: int, nested: int) -> tuple[str, int]:
        """Expand from `start` to the end, or to the `}` that ends a nested word. Return the result and that place."""
        text = self._text
        if nested > _DEPTH:
            self._stop(f"`${{` can be nested at most {_DEPTH} levels deep")
        parts: list[str] = []
        at, size = start, 0
        while at < len(text):
            if nested and text[at] == "}":
                return "".join(parts), at
            match = _OPEN.match(text, at)
            if match is None:
                following = _next(text, at + 1, nested)
                parts.append(text[at:following])
                at = following
            elif match[1] == "$":
                parts.append("$")
                at += 2
            else:
                value, at = self._reference(at, nested)
                parts.append(value)
            size += len(parts[-1])
            if size > _LARGEST:
                self._stop("its arguments make it larger than 1 MiB")
        if nested:
            self._stop(f"a `${{` has no `}}`: close it, or {_ESCAPE}")
        return "".join(parts), at

    def _reference(self, dollar: int, nested: int) -> tuple[str, int]:
        """Expand the `${...}` at `dollar`. Return its value and the place after it."""
        text = self._text
        name = _NAME.match(text, dollar + 2)
        if name is None:
            self._stop(f"`${{` needs a name of letters, digits and `_` (for example `${{VERSION}}`): {_ESCAPE}", dollar)
        at = name.end()
        operator = _OPERATOR.match(text, at)
        word = ""
        if operator is not None:
            word, at = self.words(operator.end(), nested + 1)
        if text[at : at + 1] != "}":
            self._stop(
                f"`${{{name[0]}` has no `}}`: close it; a name can only be followed by `:-`, `:?` or `:+`", dollar
            )
        return self._value(name[0], operator[0] if operator else "", word, dollar), at + 1

    def _value(self, name: str, operator: str, word: str, dollar: int) -> str:
        values = self._variables.values
        if name not in values:
            near = suggest(name, values)
            hint = (
                f"did you mean `{near}`?" if near else f'declare it (for example `args: {{{name}: ""}}`), or {_ESCAPE}'
            )
            self._add(Mistake(f"unknown argument {code(name)}: {hint}", dollar))
            return ""
        self._variables.used.add(name)
        value = values[name]
        # A declared argument always has a value: only the forms with `:` can find it missing.
        given = bool(value) if operator.startswith(":") else True
        match operator[-1:]:
            case "-":
                return value if given else word
            case "+":
                return word if given else ""
            case "?" if not given:
                told = quote(word)[1:-1] if word else f"it is empty: set it with --build-arg {name}=..."
                self._add(Mistake(f"the argument {code(name)}: {told}", dollar, name))
        return value

    def _add(self, mistake: Mistake) -> None:
        self.mistakes.append(mistake)
        if len(self.mistakes) >= LIMIT:
            raise _StopError

    def _stop(self, message: str, at: int | None = None) -> NoReturn:
        self.mistakes.append(Mistake(message, at))
        raise _StopError


def is_name(text: str) -> bool:
    """Return whether an argument can have this name."""
    return _NAME.fullmatch(text) is not None


def _next(text: str, start: int, nested: int) -> int:
    """Return the place of the next `$`, or of the next `}` inside a word."""
    found = [text.find("$", start)] + ([text.find("}", start)] if nested else [])
    return min((each for each in found if each >= 0), default=len(text))
