"""Units of systemd on and off, as `systemctl enable` and `disable` do it offline: links in /etc/systemd/system.

The rules are those of systemd.unit(5), [Install] section. A script of System V without a unit gets the links that
systemd-sysv-generator(8) looks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core import terminal
from imager.core.errors import ImagerError
from imager.customize import systemd_off
from imager.customize.systemd_unit import unit_of
from imager.rootfs.systemd_units import Unit, UnitFiles
from imager.rootfs.writing import make_link, remove

if TYPE_CHECKING:
    from collections.abc import Collection

    from imager.rootfs.root import Root

_ETC = "/etc/systemd/system"
_KINDS = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}
"""The keys of [Install], and the directories beside the unit that they name."""
_SYSV = "/etc/init.d"
_SYSV_LEVELS = ("2", "3", "4", "5")
_NETWORKD = "systemd-networkd"


class SystemdSwitch:
    """The units of one system."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._units = UnitFiles(root)

    def on(self, name: str, runlevel: str = "") -> bool:
        """Start a unit at boot. Return whether the system has it. Raises ImagerError for a `runlevel`."""
        if runlevel:
            raise ImagerError(f"services: {name}: systemd has no runlevels: write true instead of {runlevel}")
        return self._enable(unit_of(name), set())

    def off(self, name: str) -> bool:
        """Remove every link that starts a unit at boot. Return whether the system has the unit, or generates it."""
        return self._disable(unit_of(name), set()) or systemd_off.is_unseen(self._root, unit_of(name))

    def stay_off(self, off: Collection[str], on: Collection[str]) -> None:
        """Let nothing else start what is `off`, unless the build file has it `on`."""
        systemd_off.stay_off(self._root, self.off, off, on)

    def needed_by(self, key: str) -> list[str]:
        """Switch on what a key of the build file needs, and return the services that are missing."""
        own = any(name.startswith("10-claylinux-") for name in self._root.names("etc/systemd/network"))
        if key == "network" and own and not self.on(_NETWORKD):
            return [_NETWORKD]
        return []

    def _enable(self, name: str, seen: set[str]) -> bool:
        unit = self._units.find(name)
        if unit is not None and unit.masked:
            unit = self._unmask(name)
        if unit is None:
            return self._enable_script(name)
        if unit.name in seen:
            return True
        seen.add(unit.name)
        if "@." in unit.enabled_name:
            example = unit.name.replace("@.", "@NAME.")
            raise ImagerError(f"services: {unit.name} is a template: name an instance of it, such as {example}")
        for key, directory in _KINDS.items():
            for target in unit.install(key):
                make_link(self._root, f"{_ETC}/{target}.{directory}/{unit.enabled_name}", unit.path)
        for alias in unit.install("Alias"):
            make_link(self._root, f"{_ETC}/{alias}", unit.path)
        for other in unit.install("Also"):
            self._enable(other, seen)
        if not any(unit.install(key) for key in (*_KINDS, "Alias", "Also")):
            terminal.tell(
                f"imager: services: {unit.name} starts only when another unit needs it: it has no [Install] section",
                error=True,
            )
        return True

    def _unmask(self, name: str) -> Unit | None:
        """Remove the mask of a unit that is wanted after all."""
        if self._root.target(f"{_ETC}/{name}") is not None:
            remove(self._root, f"{_ETC}/{name}")
        unit = self._units.find(name)
        if unit is not None and unit.masked:
            raise ImagerError(f"services: {name}: the system forbids this unit: {unit.path} is a link to /dev/null")
        return unit

    def _enable_script(self, name: str) -> bool:
        script = name.removesuffix(".service")
        if self._root.file(f"{_SYSV}/{script}") is None:
            return False
        for level in _SYSV_LEVELS:
            make_link(self._root, f"/etc/rc{level}.d/S01{script}", f"../init.d/{script}")
        return True

    def _disable(self, name: str, seen: set[str]) -> bool:
        unit = self._units.find(name)
        if unit is None:
            return self._disable_script(name)
        if unit.name in seen:
            return True
        seen.add(unit.name)
        for directory in ("", *(each for each in self._root.names(_ETC) if each.endswith(_directories()))):
            self._remove_links(f"{_ETC}/{directory}", unit.name)
        for other in unit.install("Also"):
            self._disable(other, seen)
        return True

    def _remove_links(self, directory: str, name: str) -> None:
        """Remove the links in a directory that are called `name` or lead to a unit of that name. Masks stay."""
        for link in self._root.names(directory):
            target = self._root.target(f"{directory}/{link}")
            if target not in (None, "/dev/null") and name in (link, target.rpartition("/")[2]):
                remove(self._root, f"{directory}/{link}")

    def _disable_script(self, name: str) -> bool:
        script = name.removesuffix(".service")
        if self._root.file(f"{_SYSV}/{script}") is None:
            return False
        for level in _SYSV_LEVELS:
            directory = f"/etc/rc{level}.d"
            for link in self._root.names(directory):
                if link.startswith("S") and link[3:] == script and self._root.target(f"{directory}/{link}") is not None:
                    remove(self._root, f"{directory}/{link}")
        return True


def _directories() -> tuple[str, ...]:
    return tuple(f".{directory}" for directory in _KINDS.values())
