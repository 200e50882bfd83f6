"""Patterns of paths that people write for modules and firmware: `drivers/gpu/`, `/fs/ext4`, `iwlwifi-*`.

`*`, `?` and `[abc]` match characters in one name, but never `/`. A pattern with a `/` matches paths: files, or
directories with everything below them. It may start at any directory, or with a leading `/` only at the top. A pattern
that ends with `/` matches only directories.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Matcher = Callable[[str], bool]
_TOKEN = re.compile(r"\*+|\?|\[!?[^/\]]+\]|.", re.DOTALL)
_STARS = re.compile(r"\*+")
_NOTHING = r"(?!)"
"""Matches nothing."""


def name_matcher(pattern: str) -> Matcher:
    """Return a function that tells whether a name without `/` matches."""
    matches = re.compile(_component(pattern)).fullmatch
    return lambda name: matches(name) is not None


def text_matcher(pattern: str) -> Matcher:
    """Return a function that tells whether a line matches, in which a `/` is a letter like others."""
    matches = name_matcher(pattern.replace("/", "\n"))
    return lambda text: matches(text.replace("/", "\n"))


def path_matcher(pattern: str) -> Matcher:
    """Return a function that tells whether a relative path matches a pattern with a `/`."""
    start = "" if pattern.startswith("/") else "(?:.*/)?"
    end = "/.*" if pattern.endswith("/") else "(?:/.*)?"
    components = "/".join(map(_component, pattern.strip("/").split("/")))
    matches = re.compile(start + components + end, re.DOTALL).fullmatch
    return lambda path: matches(path) is not None


def is_glob(text: str) -> bool:
    """Return whether a text is a pattern."""
    return any(letter in text for letter in "*?[")


def _component(pattern: str) -> str:
    """Return an expression for one component.

    Each `*` but the last takes as few letters as it can, and its group never tries others: the rest fits behind the
    first place if it fits behind a later one. So a name is read once, not once for every way to share it among the
    stars, of which there are more than anybody can wait for.
    """
    first, *rest = (_fixed(part) for part in _split(pattern))
    if not rest:
        return first
    middle = "".join(f"(?>[^/]*?{part})" for part in rest[:-1])
    return f"{first}{middle}[^/]*{rest[-1]}"


def _split(pattern: str) -> list[list[str]]:
    """Return the tokens between the stars."""
    parts: list[list[str]] = [[]]
    for token in _TOKEN.findall(pattern):
        if _STARS.fullmatch(token):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _fixed(tokens: list[str]) -> str:
    """Return an expression for tokens that stand for one letter each."""
    return "".join(map(_letter, tokens))


def _letter(token: str) -> str:
    if token == "?":
        return "[^/]"
    if token[0] == "[" and len(token) > 1:
        inverted = token[1] == "!"
        return _set(token[1 + inverted : -1], "^" if inverted else "")
    return re.escape(token)


def _set(letters: str, inverted: str) -> str:
    """Return an expression for a set of letters and ranges; a range that ends before its start is empty."""
    parts = []
    at = 0
    while at < len(letters):
        first, last = letters[at], letters[at]
        if letters[at + 1 : at + 2] == "-" and at + 2 < len(letters):
            last = letters[at + 2]
            at += 2
        at += 1
        if first <= last:
            parts.append(f"{re.escape(first)}-{re.escape(last)}")
    if not parts:
        return "[^/]" if inverted else _NOTHING
    return f"(?!/)[{inverted}{''.join(parts)}]"
