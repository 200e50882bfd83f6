"""Kinds of single values: what may be written, how a message names it, and what it becomes.

A kind stands in the annotation of a key, `Annotated[str, Text(...)]`, and is all that the decoder, the
JSON Schema and the reference page know about the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from .diagnostics import listing, quote, suggest

_UNFIT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    `expected` ends the sentence "... must be"; `pattern` must match all of the text; `choices` are the only
    texts allowed. `convert` gives the value; it raises ValueError with a sentence of its own where `expected`
    would not help enough.
    """

    expected: str = "a text"
    pattern: str = ""
    choices: tuple[str, ...] = ()
    convert: Callable[[str], object] | None = None
    secret: bool = False
    """Never repeat the value in a message."""
    quotable: ClassVar[bool] = True

    def read(self, text: str, label: str) -> object:
        """Return the value of `text`. Raises ValueError with a message; `label` names the key in it."""
        if self.choices and text not in self.choices:
            near = suggest(text, self.choices)
            hint = f": did you mean `{near}`?" if near else ""
            raise ValueError(f"{label} must be {listing(self.choices)}, not {quote(text)}{hint}")
        if _UNFIT.search(text) or (self.pattern and not re.fullmatch(self.pattern, text)):
            raise ValueError(self._complaint(text, label))
        if self.convert is None:
            return text
        try:
            return self.convert(text)
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None

    def _complaint(self, text: str, label: str) -> str:
        given = "" if self.secret else f", not {quote(text)}"
        return f"{label} must be {self.expected}{given}"


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `least` to `most`."""

    expected: str
    least: int
    most: int
    quotable: ClassVar[bool] = False

    def read(self, text: str, label: str) -> int:
        """Return the value of `text`. Raises ValueError with a message; `label` names the key in it."""
        if re.fullmatch(r"0|-?[1-9][0-9]{0,18}", text) and self.least <= int(text) <= self.most:
            return int(text)
        raise ValueError(f"{label} must be {self.expected} from {self.least} to {self.most}, not {quote(text)}")


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false, in these words only: what YAML 1.1 made of `no` and `off` surprised too many people."""

    expected: str = "`true` or `false`"
    quotable: ClassVar[bool] = False

    def read(self, text: str, label: str) -> bool:
        """Return the value of `text`. Raises ValueError with a message; `label` names the key in it."""
        if text not in ("true", "false"):
            raise ValueError(f"{label} must be {self.expected}, not {quote(text)}: write true or false")
        return text == "true"


Kind = Text | Number | Switch
