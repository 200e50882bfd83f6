"""The arguments of the build that a script of `run` mentions."""

from __future__ import annotations

import re
from collections.abc import Iterable

_REFERENCE = re.compile(r"\$(?:\{[#!]?)?([A-Za-z_][A-Za-z0-9_]*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARITHMETIC = "$(("


def mentioned(script: str, names: Iterable[str]) -> frozenset[str]:
    """Return those of `names` that a script may expand: `$NAME`, `${NAME...}`, and bare names as in `$((NAME + 1))`.

    Everything after the first `$((` counts as arithmetic: an extra name only costs a step its cache, while a missing
    one changes what the step does.
    """
    if "$" not in script:
        return frozenset()
    found = set(_REFERENCE.findall(script))
    _, arithmetic, rest = script.partition(_ARITHMETIC)
    if arithmetic:
        found.update(_NAME.findall(rest))
    return frozenset(found.intersection(names))
