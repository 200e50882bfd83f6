"""Kinds of single values: what may be written, how messages describe it, and what it becomes.

A kind stands in the annotation of a key, `Annotated[str, Text(...)]`. Decoder, JSON Schema and reference page know
nothing else about the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from .characters import NOT_TEXT, name_of, unseen
from .slips import broken_rule
from .wording import code, must_be, quote, suggest


class UnfitError(ValueError):
    """A value does not fit its kind. The message continues a sentence that starts with the name of the key."""


class MismatchError(ValueError):
    """A `convert` finds that a text is not what its kind expects. The message, if any, says what to write instead."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    `expected` is a noun phrase: it completes "... must be". `examples` fit it. `pattern` must match the whole text; it
    is also part of the JSON Schema, so it uses only what Python and JavaScript have in common. `choices` are the only
    texts allowed. `longest` counts characters; 0 means no limit. `convert` returns the value. It raises `MismatchError`
    for what is not `expected`, or ValueError with a sentence of its own; with it, texts outside of `choices` get that
    far. Messages never repeat a `secret`. In a `literal` text, `${` is not an argument: the text is a program, or
    something else in which `$` has a meaning of its own. Without `lines` it is one line of visible characters
    (`spec.values.characters`) and those in `also`; with it, any text.
    """

    expected: str = "text"
    examples: tuple[str, ...] = ()
    pattern: str = ""
    choices: tuple[str, ...] = ()
    longest: int = 4096
    convert: Callable[[str], object] | None = None
    secret: bool = False
    literal: bool = False
    lines: bool = False
    also: str = ""
    quotable: ClassVar[bool] = True

    def read(self, text: str) -> object:
        """Return the value of `text`. Raises `UnfitError`, or ValueError with a whole sentence."""
        if self.longest and len(text) > self.longest:
            raise UnfitError(f"must be at most {self.longest:,} characters long; got {len(text):,} characters")
        if text not in self.choices and self.choices and not self.convert:
            near = suggest(text, self.choices)
            raise self._unfit(text, f"did you mean {code(near)}?" if near else "")
        if not text.isprintable():
            self._check_characters(text)
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise self._unfit(text, "" if self.secret else broken_rule(text, self.pattern))
        try:
            return self.convert(text) if self.convert else text
        except MismatchError as error:
            raise self._unfit(text, str(error)) from None

    def _check_characters(self, text: str) -> None:
        found = "".join(re.findall(NOT_TEXT, text)[:1]) if self.lines else unseen(text, self.also)
        if found:
            raise self._unfit(text, f"it must not contain {name_of(found)}")

    def _unfit(self, text: str, hint: str) -> UnfitError:
        got = "" if self.secret else f"; got {quote(text)}"
        return UnfitError(f"{must_be(self.expected, self.examples)}{got}" + (f": {hint}" if hint else ""))


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `least` to `most`. `noun` says what it counts."""

    noun: str
    least: int
    most: int
    examples: ClassVar[tuple[str, ...]] = ()
    quotable: ClassVar[bool] = False
    literal: ClassVar[bool] = False

    @property
    def expected(self) -> str:
        """The noun phrase that completes "... must be"."""
        return f"{self.noun} from {self.least} to {self.most}"

    def read(self, text: str) -> int:
        """Return the value of `text`. Raises `UnfitError`."""
        if re.fullmatch(r"0|-?[1-9][0-9]{0,18}", text) and self.least <= int(text) <= self.most:
            return int(text)
        hint = f": write {int(text)}" if re.fullmatch(r"[+0][0-9]{1,18}", text) else ""
        raise UnfitError(f"{must_be(self.expected)}; got {quote(text)}{hint}")


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false, in these words only: YAML 1.1 also has `no` and `off`, which surprised too many people."""

    expected: str = "`true` or `false`"
    examples: ClassVar[tuple[str, ...]] = ()
    quotable: ClassVar[bool] = False
    literal: ClassVar[bool] = False

    def read(self, text: str) -> bool:
        """Return the value of `text`. Raises `UnfitError`."""
        if text not in ("true", "false"):
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower())
            hint = f": write {code(meant)}" if meant else ""
            raise UnfitError(f"{must_be(self.expected)}; got {quote(text)}{hint}")
        return text == "true"


Kind = Text | Number | Switch
