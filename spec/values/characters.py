"""Characters that do something else than show: they end a line, move a cursor, hide, or change the order of a text.

Programs disagree about them: str.splitlines() ends a line at eight that no other program takes for an end, and YAML at
three of those. So a value of one line has none of them. What a letter needs stays: U+200C and U+200D join letters.
The lists are ranges, not Unicode's categories, as those grow from one version of Python to the next.
"""

from __future__ import annotations

import re

REORDERING = r"[\u202a-\u202e\u2066-\u2069]"
"""Embeddings, overrides and isolates (Unicode UAX 9): what a person reads is not what a program does."""
NOT_TEXT = r"[\0\ud800-\udfff]"
"""No text has these: C ends a string at the first, and UTF-8 cannot write the others."""
_UNSEEN = (
    r"[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
_NAMES = {" ": "a space", "\t": "a tab", "\n": "a line break", "\r": "a carriage return", "\0": "a null character"}


def unseen(text: str, allowed: str = "") -> str:
    """Return the first character of `text` that a value of one line does not have, except for `allowed`; or nothing."""
    if text.isprintable():
        return ""
    return next((found for found in re.findall(_UNSEEN, text) if found not in allowed), "")


def name_of(character: str) -> str:
    """Return how a message names a character."""
    if character in _NAMES:
        return _NAMES[character]
    if "0" <= character <= "9":
        return "a digit"
    if character.isprintable():
        return f"`{character}`"
    kind = "control" if character < "\xa0" else "invisible"
    return f"the {kind} character U+{ord(character):04X}"
