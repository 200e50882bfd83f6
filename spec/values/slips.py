"""The rule of a pattern that a text breaks, found by trying changes that make the text match."""

from __future__ import annotations

import re

from .characters import name_of
from .wording import code

_LONGEST = 100
"""Characters. Longer texts are not worth the time."""
_SHOWN = 40
_SAFE = "a"
"""A letter that fits nearly everywhere."""


def broken_rule(text: str, pattern: str) -> str:
    """Return a hint if one kind of character keeps `text` from matching; else an empty text."""

    def fits(candidate: str) -> bool:
        return re.fullmatch(pattern, candidate) is not None

    lower = text.lower()
    if fits(lower):
        return "write it in lower case" + (f": {code(lower)}" if len(lower) <= _SHOWN else "")
    if not text or len(text) > _LONGEST:
        return ""
    first, last = text[0], text[-1]
    if fits(_SAFE + text[1:]) and not any(fits(first + each) for each in ("", _SAFE, "/")):
        return f"it must not start with {name_of(first)}"
    if fits(text[:-1] + _SAFE) and not fits(_SAFE + last):
        return f"it must not end with {name_of(last)}"
    for each in dict.fromkeys(text):
        if each.isascii() and each.isalnum():
            continue
        twice = each + each
        if twice in text and fits(text.replace(twice, each + _SAFE)) and not fits(_SAFE + twice + _SAFE):
            return f"it must not contain {code(twice)}"
        # A character of the pattern itself has its place somewhere.
        without = text.replace(each, "")
        if each in pattern or fits(_SAFE + each + _SAFE) or fits(without + each):
            continue
        if fits(without) or fits(text.replace(each, _SAFE)):
            return f"it must not contain {name_of(each)}"
    return ""
