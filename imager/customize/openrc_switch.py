"""Services of OpenRC on and off: links in the directories of runlevels (rc-update(8))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.customize import filesystems
from imager.customize.openrc_script import bare
from imager.rootfs.text import read
from imager.rootfs.writing import make_link, remove
from spec.services import DEFAULT_RUNLEVEL, RUNLEVELS

if TYPE_CHECKING:
    from collections.abc import Collection

    from imager.rootfs.root import Root

_DEPENDENCY = re.compile(r"^[ \t]*(?:need|want)[ \t]([\w .\t-]+)(?:#.*)?$", re.MULTILINE)
_SCRIPTS, _RUNLEVELS = "/etc/init.d", "/etc/runlevels"


class OpenrcSwitch:
    """The services of one system."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def on(self, name: str, runlevel: str = "") -> bool:
        """Start a service in `runlevel`; without one, where it starts already, or in the default one.

        Return whether the system has the service. Raises ImagerError for a runlevel that it does not have.
        """
        name = bare(name)
        if not self._exists(name):
            return False
        if not runlevel and self._links(name):
            return True
        if runlevel and runlevel not in (*RUNLEVELS, *self._root.names(_RUNLEVELS)):
            raise ImagerError(
                f"services: {name}: there is no runlevel {runlevel} in {_RUNLEVELS}: {', '.join(RUNLEVELS)}?"
            )
        self.off(name)
        make_link(self._root, f"{_RUNLEVELS}/{runlevel or DEFAULT_RUNLEVEL}/{name}", f"{_SCRIPTS}/{name}")
        return True

    def off(self, name: str) -> bool:
        """Start a service in no runlevel. Return whether the system has it."""
        name = bare(name)
        for link in self._links(name):
            remove(self._root, link)
        return self._exists(name)

    def stay_off(self, off: Collection[str], on: Collection[str]) -> None:
        """Raise ImagerError for a service that another one, which starts, would start all the same."""
        _ = on
        stopped = {bare(name) for name in off}
        for by in self._starting():
            for name in sorted(stopped & self._dependencies(by)):
                raise ImagerError(
                    f"services: {name} cannot be off: {by}, which starts, needs it; switch {by} off as well, or remove "
                    f"`{name}: false`"
                )

    def needed_by(self, key: str) -> list[str]:
        """Switch on what a key of the build file needs, and return the services that are missing."""
        alone = {"network": "networking", "keyboard": "loadkmap", "swap": "swap"}.get(key)
        if alone:
            return [] if self.on(alone, "boot") else [alone]
        wanted = {filesystems.SERVICE: "boot", "fsck": "boot", "localmount": "boot"}
        if "_netdev" in read(self._root, "etc/fstab"):
            wanted["netmount"] = DEFAULT_RUNLEVEL
        for name, runlevel in wanted.items():
            self.on(name, "" if self._links(name) else runlevel)
        return []

    def _starting(self) -> list[str]:
        """Return what starts in a runlevel, and what that starts."""
        found = [name for level in self._root.names(_RUNLEVELS) for name in self._root.names(f"{_RUNLEVELS}/{level}")]
        for name in found:  # it grows
            found += sorted(each for each in self._dependencies(name) if self._exists(each) and each not in found)
        return found

    def _dependencies(self, name: str) -> set[str]:
        """Return what a service starts before itself: the words of `need` and `want` (openrc-run(8))."""
        lines = _DEPENDENCY.findall(read(self._root, f"{_SCRIPTS}/{name}"))
        return {word for line in lines for word in line.split()}

    def _exists(self, name: str) -> bool:
        return self._root.file(f"{_SCRIPTS}/{name}") is not None

    def _links(self, name: str) -> list[str]:
        """Return where a service starts."""
        levels = self._root.names(_RUNLEVELS)
        return [f"{_RUNLEVELS}/{level}/{name}" for level in levels if name in self._root.names(f"{_RUNLEVELS}/{level}")]
