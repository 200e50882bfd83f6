"""`${NAME}` in values: the grammar of compose, on the tree's values, never on the text of the file.

    ${V}                    the value of V
    ${V:-word}  ${V-word}   `word` where V is empty or has no value (without `:`: where it has no value)
    ${V:?text}  ${V?text}   an error with this text there
    ${V:+word}  ${V+word}   `word` where V has a value
    $$                      one `$`

A `$` before anything else is itself: `$host` in an nginx.conf is no argument of the build. Words may hold
further `${...}`. Values are never read as YAML again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from spec.values.wording import code, quote, suggest

_OPEN = re.compile(r"\$(\$|\{)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEPTH = 16
_LARGEST = 1 << 20


class InterpolationError(ValueError):
    """A value cannot be made; the message is a sentence of its own."""

    argument = ""
    """The argument that only has to be given, where nothing else is wrong."""


class MissingArgumentError(InterpolationError):
    """A `${V:?text}` has found no value."""

    def __init__(self, message: str, argument: str) -> None:
        super().__init__(message)
        self.argument = argument


class Variables:
    """The arguments of a build; `used` gathers the names of those that were asked for.

    `provisional` ones are not those that a text is made for: what they make of it need not be right. `excused` tells
    whether something was not.
    """

    def __init__(self, values: Mapping[str, str], *, provisional: bool = False) -> None:
        self.values = values
        self.used: set[str] = set()
        self.excused = False
        self._provisional = provisional

    def excuse(self, text: str, error: ValueError) -> bool:
        """Return whether `error`, which came of `text`, may be the fault of provisional values."""
        mistyped = isinstance(error, InterpolationError) and not isinstance(error, MissingArgumentError)
        excused = self._provisional and "${" in text and not mistyped
        self.excused |= excused
        return excused

    def expand(self, text: str) -> str:
        """Return `text` with every `${...}` replaced. Raises `InterpolationError`."""
        if "$" not in text:
            return text
        result, end = self._words(text, 0, nested=0)
        return result if end == len(text) else result + text[end:]

    def _words(self, text: str, start: int, nested: int) -> tuple[str, int]:
        """Expand from `start` to the end, or to the `}` that closes what is `nested`."""
        if nested > _DEPTH:
            raise InterpolationError(f"more than {_DEPTH} `${{` are inside each other")
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
                value, at = self._reference(text, at + 2, nested)
                parts.append(value)
            size += len(parts[-1])
            if size > _LARGEST:
                raise InterpolationError("its arguments make it longer than 1 MiB")
        if nested:
            raise InterpolationError("a `${` has no `}`: close it, or write `$${` for a text that is meant as it is")
        return "".join(parts), at

    def _reference(self, text: str, start: int, nested: int) -> tuple[str, int]:
        """Expand what follows `${`; return its value and where the text goes on."""
        name = _NAME.match(text, start)
        if name is None:
            raise InterpolationError("a name of letters, digits and `_` must follow `${`; "
                                     "write `$${` for a text that is meant as it is")  # fmt: skip
        at = name.end()
        operator = _OPERATOR.match(text, at)
        word = ""
        if operator is not None:
            word, at = self._words(text, operator.end(), nested + 1)
        if text[at : at + 1] != "}":
            raise InterpolationError(
                f"`${{{name[0]}` has no `}}`: close it; after a name only `:-`, `:?` or `:+` can stand"
            )
        return self._value(name[0], operator[0] if operator else "", word), at + 1

    def _value(self, name: str, operator: str, word: str) -> str:
        if name not in self.values:
            near = suggest(name, self.values)
            hint = f"did you mean `{near}`?" if near else f'declare it with `args: {{{name}: ""}}`, or write `$${{`'
            raise InterpolationError(f"there is no argument {code(name)}: {hint}")
        self.used.add(name)
        value = self.values[name]
        # A declared argument always has a value: only the forms with `:` can find it missing.
        given = bool(value) if operator.startswith(":") else True
        match operator[-1:]:
            case "-":
                return value if given else word
            case "+":
                return word if given else ""
            case "?" if not given:
                told = quote(word)[1:-1] if word else f"it is empty: set it with --build-arg {name}=..."
                raise MissingArgumentError(f"the argument {code(name)}: {told}", name)
        return value


def _next(text: str, start: int, nested: int) -> int:
    """Return where the next `$`, or a closing `}` inside of a word, may stand."""
    found = [text.find("$", start)] + ([text.find("}", start)] if nested else [])
    return min((each for each in found if each >= 0), default=len(text))
