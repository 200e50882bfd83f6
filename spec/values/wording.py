"""How messages show values, keys and lists of words, and the one form of "must be"."""

from __future__ import annotations

import json
from collections.abc import Iterable

_SHOWN = 60
"""The most characters of a value that a message repeats."""


def must_be(expected: str, examples: Iterable[str] = ()) -> str:
    """Return the part of a message that says what a value must be. `expected` is a noun phrase."""
    shown = listing(examples)
    return f"must be {expected}" + (f" (for example {shown})" if shown else "")


def quote(text: str) -> str:
    """Return a value for a message: in quotes, on one line, shortened."""
    shown = _shorten(text)
    return json.dumps(shown, ensure_ascii=not shown.isprintable())


def code(text: str) -> str:
    """Return a key, or a text to write, for a message: in backticks, on one line, shortened."""
    shown = _shorten(text)
    return f"`{shown}`" if shown.isprintable() else f"`{quote(shown)[1:-1]}`"


def listing(words: Iterable[str], conjunction: str = "or") -> str:
    """Return words as a list in a sentence: `a`, `b` or `c`. Without words it is empty."""
    shown = [code(word) for word in words]
    return f"{', '.join(shown[:-1])} {conjunction} {shown[-1]}" if len(shown) > 1 else "".join(shown)


def suggest(word: str, known: Iterable[str], *, alike: float = 0.6) -> str | None:
    """Return the known word that was most likely meant. `alike`: the share of letters that must match."""
    from difflib import get_close_matches

    if len(word) > _SHOWN:
        return None
    names = {_fold(name): name for name in known}
    near = get_close_matches(_fold(word), names, n=1, cutoff=alike)
    return names[near[0]] if near else None


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
