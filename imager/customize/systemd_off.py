"""Units that were switched off stay off, whatever else would start them.

Links of [Install] are gone by then. Sockets, timers and paths that are there for such a unit are switched off with it,
unless the build file wants them. A unit that something else still starts is masked, as `systemctl mask` does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core import terminal
from imager.core.errors import ImagerError
from imager.customize.systemd_unit import unit_of
from imager.customize.unit_file import unit_name
from imager.rootfs import fstab
from imager.rootfs.systemd_start import Causes, Kind, causes, is_generated
from imager.rootfs.systemd_units import UnitFiles
from imager.rootfs.writing import make_link
from spec.services import NEEDED_BY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from imager.rootfs.root import Root

_ETC = "/etc/systemd/system"
_NULL = "/dev/null"
_ON_KEYS = ("ctrl-alt-del.target", "kbrequest.target")
"""Aliases that systemd itself starts when somebody presses the keys: the alias is off, not the unit behind it."""


def stay_off(root: Root, switch_off: Callable[[str], bool], off: Collection[str], on: Collection[str]) -> None:
    """Let nothing start the units `off`; those that the build file switches `on` may wake them.

    `switch_off` removes the links that start a unit. Raises ImagerError for a unit
    that another one, which starts, cannot do without.
    """
    for name in _ON_KEYS:
        if name in off:
            make_link(root, f"{_ETC}/{name}", _NULL)
    wanted = {_canonical(root, name) for name in on}
    todo = {_canonical(root, name) for name in off if name not in _ON_KEYS} - wanted
    done: set[str] = set()
    while todo:
        reasons = causes(root)
        woken_by = {
            name: [each.by for each in reasons.get(name, ()) if each.kind is Kind.WAKES and each.by not in done]
            for name in todo
        }
        wakers = {each for names in woken_by.values() for each in names} - wanted - todo
        for name in sorted(wakers):
            _tell(f"{name} is switched off, too: it would start {', '.join(sorted(_woken(name, woken_by)))}")
            switch_off(name)
        for name in sorted(todo):
            if wanted.isdisjoint(woken_by[name]):
                _mask(root, name, reasons, done | todo)
        done |= todo
        todo = wakers


def is_unseen(root: Root, name: str) -> bool:
    """Return whether a unit has no file before systemd starts, but then may have one: fstab and generators make it."""
    mounted = {f"{unit_name(line.point)}.mount" for line in fstab.load(root)}
    return is_generated(root, name) or name in mounted


def _canonical(root: Root, name: str) -> str:
    unit = UnitFiles(root).find(unit_of(name))
    return unit.name if unit is not None else unit_of(name)


def _woken(waker: str, woken_by: dict[str, list[str]]) -> Iterator[str]:
    return (name for name, wakers in woken_by.items() if waker in wakers)


def _mask(root: Root, name: str, reasons: Causes, off: Collection[str]) -> None:
    """Mask a unit if anything that is not `off` starts it, or may start it. Raises ImagerError if it is needed."""
    starting = [each for each in reasons.get(name, ()) if each.by not in off and each.kind is not Kind.WAKES]
    needy = [each.by for each in starting if each.kind is Kind.REQUIRES]
    needy += [each for each in (NEEDED_BY.get(name, ""),) if each in reasons and each not in off]
    if needy:
        raise ImagerError(
            f"services: {name} cannot be off: {needy[0]}, which starts, does not work without it; switch {needy[0]} "
            f"off as well, or remove `{name}: false`"
        )
    if starting:
        _tell(f"{name} is masked: {', '.join(dict.fromkeys(each.by for each in starting))} would start it")
    elif is_unseen(root, name):
        _tell(f"{name} is masked: a generator of the system, or fstab, would start it")
    else:
        return
    make_link(root, f"{_ETC}/{name}", _NULL)


def _tell(message: str) -> None:
    terminal.tell(f"imager: services: {message}", error=True)
