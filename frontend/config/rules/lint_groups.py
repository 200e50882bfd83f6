"""The rule UnknownGroup. What groups a system has is known when its packages are there: this looks at names only."""

from __future__ import annotations

from collections.abc import Iterator

from spec.document import Spec
from spec.positions import Path, Range
from spec.presets import DISTRIBUTIONS
from spec.values.wording import code

from .presets import family_of

_GROUPS = frozenset(
    {"adm", "audio", "cdrom", "dialout", "disk", "docker", "input", "kvm", "libvirt", "netdev", "plugdev", "render",
     "staff", "sudo", "systemd-journal", "tty", "users", "video", "wheel", "www-data"}
)  # fmt: skip
"""Groups of the distributions that users are put into for what they allow."""
_ADMINS = {name: row.admins for name, row in DISTRIBUTIONS.items()}


def unknown_groups(spec: Spec) -> Iterator[tuple[Range, str]]:
    """Yield where a user is put into a group that was most likely not meant, and why."""
    groups = {each.name for each in spec.groups}
    # Packages and services often bring a group of their name.
    own = _GROUPS | groups | {each.name for each in spec.users} | set(spec.services)
    own |= {package.partition("=")[0] for package in spec.packages}
    known = sorted(_GROUPS | groups)
    admins = _ADMINS.get(family_of(spec))
    for number, user in enumerate(spec.users):
        named: list[tuple[str, Path]] = [(name, ("groups", index)) for index, name in enumerate(user.groups)]
        named += [(user.group, ("group",))] if user.group else []
        for name, where in named:
            if admins and name in _ADMINS.values() and name not in groups:
                meant = admins  # the package sudo brings no group of its name
            else:
                meant = next((each for each in known if name not in own and _is_slip(name, each)), name)
            if meant != name:
                text = f"a new group {code(name)} allows nothing: did you mean {code(meant)}? Else add it to `groups`"
                yield spec.positions.of("users", number, *where), text


def _is_slip(name: str, meant: str) -> bool:
    """Whether one letter too many, too few or another one, or two swapped, made `name` of `meant`."""
    same = next(
        (at for at, pair in enumerate(zip(name, meant, strict=False)) if len({*pair}) > 1),
        len(min(name, meant, key=len)),
    )
    is_, was = name[same:], meant[same:]
    return len(meant) > 3 and (
        is_[1:] in (was, was[1:]) or is_ == was[1:] or (is_[:2] == was[1::-1] and is_[2:] == was[2:])
    )
