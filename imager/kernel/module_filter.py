"""The choice of the modules that stay in a system, from names and paths alone.

A pattern without `/` matches module names. A pattern with `/` matches their paths below `kernel/`, without the ending
(see `imager.core.patterns`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import patterns
from imager.kernel import moddep

if TYPE_CHECKING:
    from imager.kernel.moddep import Modules

GENERAL = ("af_packet", "autofs4", "efivarfs", "ipv6", "unix")
"""Modules for systems on any hardware: `include` need not list them, but `exclude` may."""
_CLASS = re.compile(r"(\[!?[^/\]]+\])")
_ENDING = re.compile(r"\.ko(\.(gz|xz|zst))?$")


@dataclass(frozen=True)
class Choice:
    """The names of the modules that stay.

    `not_included` are the patterns in `include` that match no module of the kernel. `not_excluded` are the patterns in
    `exclude` that match no file, because a built-in module cannot be excluded. `named` are the modules that `include`
    lists by name.
    """

    keep: frozenset[str]
    not_included: tuple[str, ...] = ()
    not_excluded: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()


def choose(
    modules: Modules,
    include: Iterable[str],
    exclude: Iterable[str],
    required: Iterable[str],
    also: frozenset[str] | None = None,
) -> Choice:
    """Return the modules that `include` matches, or that are in `also`, except those that `exclude` matches.

    All their dependencies stay, too. Without `include` and `also`, these are all modules. `required` are names that
    stay regardless of the patterns.
    """
    included = {pattern: matching(modules, pattern) for pattern in include}
    excluded = {pattern: matching(modules, pattern) for pattern in exclude}
    chosen = frozenset(GENERAL).union(also or (), *included.values())
    wanted = frozenset(modules.paths) if also is None and not included else chosen
    keep = modules.closure(wanted.difference(*excluded.values()) | {*map(moddep.to_name, required)})
    return Choice(
        keep,
        tuple(pattern for pattern, names in included.items() if not names),
        tuple(pattern for pattern, names in excluded.items() if not names & modules.paths.keys()),
        frozenset().union(*(names for pattern, names in included.items() if "/" not in pattern)),
    )


def matching(modules: Modules, pattern: str) -> frozenset[str]:
    """Return the names of the modules that a pattern matches, including built-in ones."""
    pattern = _ENDING.sub("", pattern)
    if "/" not in pattern:
        fits = patterns.name_matcher(_fold(pattern))
        return frozenset(name for name in modules.paths.keys() | modules.builtin.keys() if fits(name))
    fits = patterns.path_matcher(_fold(pattern))
    files = (*modules.builtin.items(), *modules.paths.items())
    return frozenset(name for name, path in files if fits(_plain(path)))


def _plain(path: str) -> str:
    return _fold(_ENDING.sub("", path).removeprefix("kernel/"))


def _fold(text: str) -> str:
    """Replace `-` with `_`, because module names compare equal that way, but not inside `[a-z]`."""
    return "".join(part if part.startswith("[") else part.replace("-", "_") for part in _CLASS.split(text))
