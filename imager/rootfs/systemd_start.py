"""What systemd starts at boot or on demand, and why: all that `default.target` reaches, and all that wakes others.

Dependencies are those of systemd.unit(5); sockets, timers and paths, D-Bus, udev, logind and generators start the rest.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from imager.rootfs.root import LARGE
from imager.rootfs.systemd_units import PATHS, UnitFiles, template_of
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root
    from imager.rootfs.systemd_units import Unit

_START = "default.target"
_BUSES = ("dbus.service", "dbus-broker.service")
_LOGIND = "systemd-logind.service"
_TERMINALS = range(1, 7)
"""The virtual terminals on which logind starts a getty when somebody looks at them (NAutoVTs= and ReserveVT=)."""
_BUS_FILES = "usr/share/dbus-1/system-services"
_RULES = ("etc/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d")
_DEVICE_UNITS = re.compile(r'ENV\{SYSTEMD_WANTS\}\+?="([^"]*)"')
_GENERATORS = (
    "etc/systemd/system-generators", "usr/local/lib/systemd/system-generators", "usr/lib/systemd/system-generators",
    "lib/systemd/system-generators",
)  # fmt: skip


class Kind(enum.Enum):
    """How something starts a unit."""

    WANTS = "wants"
    REQUIRES = "requires"
    """It fails without the unit."""
    WAKES = "wakes"
    """It is a socket, timer, path or automount that is there for the unit."""


class Cause(NamedTuple):
    """Something that starts a unit: another unit, or one of systemd's programs."""

    by: str
    kind: Kind


_DEPENDENCIES = {
    ("Unit", "Wants"): Kind.WANTS,
    ("Unit", "Upholds"): Kind.WANTS,
    ("Service", "Sockets"): Kind.WANTS,
    ("Unit", "Requires"): Kind.REQUIRES,
    ("Unit", "BindsTo"): Kind.REQUIRES,
}
_ON_DEMAND = ("OnFailure", "OnSuccess")
_DIRECTORIES = {"wants": Kind.WANTS, "upholds": Kind.WANTS, "requires": Kind.REQUIRES}
WOKEN = {".socket": "Service", ".timer": "Unit", ".path": "Unit", ".automount": ""}
"""The key that names the unit which units of a type wake, in the section of that type."""

Causes = dict[str, list[Cause]]


def causes(root: Root) -> Causes:
    """Return why each unit starts, by its name, as far as unit files and what else is in the system tell.

    Masked units start nothing, and nothing starts them.
    """
    return _Search(root).run()


def is_generated(root: Root, name: str) -> bool:
    """Return whether a generator of the system may start a unit: a program that runs before systemd reads units.

    Each has the names, or the templates, of its units in it.
    """
    prefix, at, _ = name.partition("@")
    words = (f"{prefix}{at}" if at else name).encode()
    programs = (root.read(f"{path}/{each}", LARGE) for path in _GENERATORS for each in root.names(path))
    return any(re.search(rb"(?<![\w-])" + re.escape(words), program) for program in programs if program)


class _Search:
    def __init__(self, root: Root) -> None:
        self._root = root
        self._find = cache(UnitFiles(root).find)
        self._found: Causes = {}
        self._seen: set[str] = set()
        self._directories = _dependency_directories(root)

    def run(self) -> Causes:
        self._follow(_START)
        if not self._seen.isdisjoint(_BUSES):
            for name in self._bus_names():
                self._cause(name, Cause("D-Bus", Kind.WANTS))
        if _LOGIND in self._seen:
            for number in _TERMINALS:
                self._cause(f"autovt@tty{number}.service", Cause(_LOGIND, Kind.WANTS))
        for name in self._device_units():
            self._cause(name, Cause("udev", Kind.WANTS))
        return self._found

    def _cause(self, name: str, cause: Cause, *, follow: bool = True) -> None:
        unit = self._find(name)
        if unit is None or unit.masked:
            return
        known = self._found.setdefault(unit.name, [])
        if cause not in known:
            known.append(cause)
        if follow:
            self._follow(name)

    def _follow(self, start: str) -> None:
        queue = deque([start])
        while queue:
            name = queue.popleft()
            unit = self._find(name)
            if unit is None or unit.masked or unit.name in self._seen:
                continue
            self._seen.add(unit.name)
            for other, kind in self._started_by(name, unit):
                self._cause(other, Cause(unit.name, kind), follow=False)
                queue.append(other)
            for key in _ON_DEMAND:
                for other in unit.words("Unit", key):
                    self._cause(other, Cause(unit.name, Kind.WANTS), follow=False)

    def _started_by(self, name: str, unit: Unit) -> Iterator[tuple[str, Kind]]:
        for (section, key), kind in _DEPENDENCIES.items():
            for other in unit.words(section, key):
                yield other, kind
        for each in {name, unit.name, template_of(unit.name)}:
            yield from self._directories.get(each, ())
        if unit.suffix in WOKEN:
            yield woken_by(unit), Kind.WAKES

    def _bus_names(self) -> Iterator[str]:
        for each in self._root.names(_BUS_FILES):
            for line in lines(read(self._root, f"{_BUS_FILES}/{each}")):
                key, _, value = line.partition("=")
                if key.strip() == "SystemdService":
                    yield value.strip()

    def _device_units(self) -> Iterator[str]:
        for path in _RULES:
            for each in self._root.names(path):
                for names in _DEVICE_UNITS.findall(read(self._root, f"{path}/{each}")):
                    yield from (name for name in names.split() if "$" not in name and "%" not in name)


def _dependency_directories(root: Root) -> dict[str, list[tuple[str, Kind]]]:
    """Return what is in the directories beside the units, by the name of the unit."""
    found: dict[str, list[tuple[str, Kind]]] = {}
    for path in PATHS:
        for directory in root.names(path):
            unit, _, ending = directory.rpartition(".")
            if ending in _DIRECTORIES:
                others = ((name, _DIRECTORIES[ending]) for name in root.names(f"{path}/{directory}"))
                found.setdefault(unit, []).extend(others)
    return found


def woken_by(unit: Unit) -> str:
    """Return the unit that a socket, timer, path or automount is there for."""
    section = unit.suffix[1:].capitalize()
    named = unit.words(section, WOKEN[unit.suffix])
    if named:
        return named[-1]
    if unit.suffix == ".automount":
        return f"{unit.stem}.mount"
    accepts = unit.words("Socket", "Accept")[-1:] in (("yes",), ("true",), ("1",), ("on",))
    return f"{unit.stem}@.service" if accepts else f"{unit.stem}.service"
