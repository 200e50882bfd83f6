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


def name_matcher(pattern: str) -> Matcher:
    """Return a function that tells whether a name without `/` matches."""
    matches = re.compile(_expression(pattern)).fullmatch
    return lambda name: matches(name) is not None


def path_matcher(pattern: str) -> Matcher:
    """Return a function that tells whether a relative path matches a pattern with a `/`."""
    start = "" if pattern.startswith("/") else "(?:.*/)?"
    end = "/.*" if pattern.endswith("/") else "(?:/.*)?"
    matches = re.compile(start + _expression(pattern.strip("/")) + end).fullmatch
    return lambda path: matches(path) is not None


def is_glob(text: str) -> bool:
    """Return whether a text is a pattern."""
    return any(letter in text for letter in "*?[")


def _expression(pattern: str) -> str:
    return "".join(_translate(token) for token in _TOKEN.findall(pattern))


def _translate(token: str) -> str:
    if token[0] == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if token[0] == "[" and len(token) > 1:
        inverted = token[1] == "!"
        return ("[^" if inverted else "[") + token[1 + inverted : -1].replace("\\", r"\\").replace("^", r"\^") + "]"
    return re.escape(token)
