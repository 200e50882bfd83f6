"""Values, keys and lists of words as messages show them."""

from __future__ import annotations

import json
from collections.abc import Iterable

_SHOWN = 60
"""Characters of a value that a message repeats at most."""


def quote(text: str) -> str:
    """Return a value for a message: in quotes, on one line, not long."""
    shown = _shorten(text)
    return json.dumps(shown, ensure_ascii=not shown.isprintable())


def code(text: str) -> str:
    """Return a key for a message: in backticks, on one line, not long."""
    return f"`{quote(text)[1:-1]}`"


def listing(words: Iterable[str], conjunction: str = "or") -> str:
    """Return words as people list them: `a`, `b` or `c`."""
    *most, last = (code(word) for word in words)
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was most likely meant."""
    from difflib import get_close_matches

    if len(word) > _SHOWN:
        return None
    names = {_fold(name): name for name in known}
    near = get_close_matches(_fold(word), names, n=1)
    return names[near[0]] if near else None


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
