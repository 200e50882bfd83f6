"""Scripts of `run`: which arguments of the build they mention."""

from __future__ import annotations

import re
from collections.abc import Iterable

_REFERENCE = re.compile(r"\$(?:\{[#!]?)?([A-Za-z_][A-Za-z0-9_]*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARITHMETIC = "$(("


def mentioned(script: str, names: Iterable[str]) -> frozenset[str]:
    """Return those of `names` that a script may expand: `$NAME`, `${NAME...}`, and bare ones in `$((NAME + 1))`.

    Where the arithmetic ends is not looked for: a name too many costs a step its cache, a missing one its meaning.
    """
    if "$" not in script:
        return frozenset()
    found = set(_REFERENCE.findall(script))
    _, arithmetic, rest = script.partition(_ARITHMETIC)
    if arithmetic:
        found.update(_NAME.findall(rest))
    return frozenset(found.intersection(names))
