"""Patterns of paths as people write them for modules and firmware: `drivers/gpu/`, `/fs/ext4`, `iwlwifi-*`.

`*`, `?` and `[abc]` stand for characters of one name, never for `/`. A pattern with a `/` is about paths: of files, or
of directories with all that is below them. It may start at any directory; with a `/` in front, only at the top.
A pattern that ends with `/` is about directories only.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Matcher = Callable[[str], bool]
_TOKEN = re.compile(r"\*+|\?|\[!?[^/\]]+\]|.", re.DOTALL)


def name_matcher(pattern: str) -> Matcher:
    """Give what tells whether a name without `/` matches."""
    matches = re.compile(_expression(pattern)).fullmatch
    return lambda name: matches(name) is not None


def path_matcher(pattern: str) -> Matcher:
    """Give what tells whether a relative path matches a pattern that has a `/`."""
    start = "" if pattern.startswith("/") else "(?:.*/)?"
    end = "/.*" if pattern.endswith("/") else "(?:/.*)?"
    matches = re.compile(start + _expression(pattern.strip("/")) + end).fullmatch
    return lambda path: matches(path) is not None


def is_glob(text: str) -> bool:
    """Tell whether a text stands for more than itself."""
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
