"""The rule UnknownGroup. Only packages know which groups a system has, so this rule looks at names alone."""

from __future__ import annotations

from collections.abc import Iterator

from spec.document import Spec
from spec.positions import Path, Range
from spec.presets import DISTRIBUTIONS
from spec.values.wording import code, suggest
from spec.values.words import package_name

from .presets import distribution_of

_GROUPS = frozenset(
    {"adm", "audio", "cdrom", "dialout", "disk", "docker", "input", "kvm", "libvirt", "netdev", "plugdev", "render",
     "staff", "sudo", "systemd-journal", "tty", "users", "video", "wheel", "www-data"}
)  # fmt: skip
"""Groups of the distributions that give their members access to something."""
_ADMINS = {name: row.admins for name, row in DISTRIBUTIONS.items()}
"""The group whose members may become root, by the distribution of a preset."""
_SHORTEST = 4
"""Shorter names resemble too many others."""
_ALIKE = 0.75
"""One letter in four: `sodo` for `sudo`."""


def unknown_groups(spec: Spec) -> Iterator[tuple[Range, str]]:
    """Yield the place of each group that was most likely misspelt, and a message."""
    groups = {each.name for each in spec.groups}
    # Packages and services often bring a group of their name.
    own = _GROUPS | groups | {each.name for each in spec.users} | set(spec.services)
    own |= set(map(package_name, spec.packages))
    admins = _ADMINS.get(distribution_of(spec))
    for number, user in enumerate(spec.users):
        named: list[tuple[str, Path]] = [(name, ("groups", index)) for index, name in enumerate(user.groups)]
        named += [(user.group, ("group",))] if user.group else []
        for name, where in named:
            if admins and name in _ADMINS.values() and name not in groups:
                meant = admins  # The package sudo brings no group of its name.
            else:
                meant = name if name in own else _misspelt(name, _GROUPS | groups) or name
            if meant != name:
                text = (
                    f"a new group {code(name)} gives no access to anything: did you mean {code(meant)}? "
                    "If not, declare it in `groups`"
                )
                yield spec.positions.of("users", number, *where), text


def _misspelt(name: str, known: frozenset[str]) -> str | None:
    """Return the group that `name` differs from by a letter or two, if there is one."""
    likely = (each for each in sorted(known) if len(each) >= _SHORTEST and abs(len(each) - len(name)) <= 1)
    return suggest(name, likely, alike=_ALIKE)
