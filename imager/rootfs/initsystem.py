"""Which init system a system has: what starts its services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.rootfs.root import Root

SYSTEMD, OPENRC = "systemd", "openrc"
_SIGNS = ((SYSTEMD, ("usr/bin/systemctl", "bin/systemctl")), (OPENRC, ("sbin/openrc-run", "usr/sbin/openrc-run")))


def find(root: Root) -> str | None:
    """Give `SYSTEMD`, `OPENRC` or None for neither."""
    return next((name for name, paths in _SIGNS if any(root.resolve(path) for path in paths)), None)


def need(root: Root, key: str) -> str:
    """Give `SYSTEMD` or `OPENRC`. Raises ImagerError in the name of `key`."""
    found = find(root)
    if found is None:
        raise ImagerError(f"{key}: this system has neither systemd nor OpenRC: add one to packages")
    return found
