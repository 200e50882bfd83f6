"""Kinds of single values: what may be written, how a message names it, and what it becomes.

A kind stands in the annotation of a key, `Annotated[str, Text(...)]`, and is all that the decoder, the
JSON Schema and the reference page know about the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from .wording import code, listing, quote, suggest

_NOT_TEXT = "[\0\ud800-\udfff]"
_CONTROL = "[\x01-\x1f\x7f]"


class UnfitError(ValueError):
    """A value does not fit its kind. The message continues the sentence that the name of the key begins."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    `expected` ends the sentence "... must be"; `pattern` must match all of the text (it is also put into the
    JSON Schema: only what Python and JavaScript both know); `choices` are the only texts allowed; `longest`
    counts characters, 0 is no limit. `convert` gives the value; it raises ValueError with a sentence of its
    own where `expected` would not help enough, also for what is not in `choices`. A `secret` is never repeated. In a
    `literal` text `${` is no argument: it is a program, or something else in which `$` has a meaning of its own.
    `control`: tabs, line ends and escapes may be in it, as far as `pattern` lets them.
    """

    expected: str = "a text"
    pattern: str = ""
    choices: tuple[str, ...] = ()
    longest: int = 4096
    convert: Callable[[str], object] | None = None
    secret: bool = False
    literal: bool = False
    control: bool = False
    quotable: ClassVar[bool] = True

    def read(self, text: str) -> object:
        """Return the value of `text`. Raises UnfitError, or ValueError with a whole sentence."""
        if self.longest and len(text) > self.longest:
            raise UnfitError(f"is longer than {self.longest:,} characters: it must be {self.expected}")
        if text not in self.choices and self.choices and not self.convert:
            near = suggest(text, self.choices)
            hint = f": did you mean {code(near)}?" if near else ""
            raise UnfitError(f"must be {listing(self.choices)}, not {quote(text)}{hint}")
        if not text.isprintable():
            self._check_characters(text)
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise UnfitError(self._must_be(text))
        return self.convert(text) if self.convert else text

    def _check_characters(self, text: str) -> None:
        if re.search(_NOT_TEXT, text):
            raise UnfitError(self._must_be(text))
        found = None if self.control else re.search(_CONTROL, text)
        if found:
            what = {"\t": "the tab", "\n": "the line end"}.get(found[0], "the control character")
            raise UnfitError(f"{self._must_be(text)}: remove {what}")

    def _must_be(self, text: str) -> str:
        return f"must be {self.expected}" + ("" if self.secret else f", not {quote(text)}")


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `least` to `most`."""

    expected: str
    least: int
    most: int
    quotable: ClassVar[bool] = False
    literal: ClassVar[bool] = False

    def read(self, text: str) -> int:
        """Return the value of `text`. Raises UnfitError."""
        if re.fullmatch(r"0|-?[1-9][0-9]{0,18}", text) and self.least <= int(text) <= self.most:
            return int(text)
        raise UnfitError(f"must be {self.expected} from {self.least} to {self.most}, not {quote(text)}")


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false, in these words only: what YAML 1.1 made of `no` and `off` surprised too many people."""

    expected: str = "true or false"
    quotable: ClassVar[bool] = False
    literal: ClassVar[bool] = False

    def read(self, text: str) -> bool:
        """Return the value of `text`. Raises UnfitError."""
        if text not in ("true", "false"):
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower())
            raise UnfitError(f"must be true or false, not {quote(text)}" + (f": write {meant}" if meant else ""))
        return text == "true"


Kind = Text | Number | Switch
