"""Which modules of a kernel stay in a system: decided from names and paths alone.

A pattern without `/` is about the names of modules; one with `/`, see `imager.kernel.patterns`, about their paths below
`kernel/`, without ending.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.kernel import moddep, patterns

if TYPE_CHECKING:
    from imager.kernel.moddep import Modules

GENERAL = ("af_packet", "autofs4", "efivarfs", "ipv6", "unix")
"""What systems use on any hardware: `include` need not name them, but `exclude` may."""
_CLASS = re.compile(r"(\[!?[^/\]]+\])")
_ENDING = re.compile(r"\.ko(\.(gz|xz|zst))?$")


@dataclass(frozen=True)
class Choice:
    """The names of the modules that stay.

    `not_included` are the patterns of `include` that match nothing that the kernel has, `not_excluded` those of
    `exclude` that match no file: what is built in cannot be left out. `named` are modules that `include` names.
    """

    keep: frozenset[str]
    not_included: tuple[str, ...] = ()
    not_excluded: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()


def choose(modules: Modules, include: Iterable[str], exclude: Iterable[str], required: Iterable[str]) -> Choice:
    """Choose: those that `include` matches (all, where it is empty) but `exclude` does not, and all that these need.

    `required` are names that stay whatever the patterns say.
    """
    included = {pattern: matching(modules, pattern) for pattern in include}
    excluded = {pattern: matching(modules, pattern) for pattern in exclude}
    wanted = frozenset(modules.paths) if not included else frozenset(GENERAL).union(*included.values())
    keep = modules.closure(wanted.difference(*excluded.values()) | {*map(moddep.to_name, required)})
    return Choice(
        keep,
        tuple(pattern for pattern, names in included.items() if not names),
        tuple(pattern for pattern, names in excluded.items() if not names & modules.paths.keys()),
        frozenset().union(*(names for pattern, names in included.items() if "/" not in pattern)),
    )


def matching(modules: Modules, pattern: str) -> frozenset[str]:
    """Give the names of the modules, also of those that are built in, that a pattern matches."""
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
    """Write `_` for `-`, as the names of modules are compared, but not inside `[a-z]`."""
    return "".join(part if part.startswith("[") else part.replace("-", "_") for part in _CLASS.split(text))
