"""The init system of a system, which starts its services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.rootfs.root import Root

SYSTEMD, OPENRC = "systemd", "openrc"
START, STARTED = "usr/lib/claylinux/start", "usr/lib/claylinux/init"
"""With `state`, the program that is /sbin/init, and the system's own, which it becomes."""
_SIGNS = ((SYSTEMD, ("usr/bin/systemctl", "bin/systemctl")), (OPENRC, ("sbin/openrc-run", "usr/sbin/openrc-run")))


def find(root: Root) -> str | None:
    """Return `SYSTEMD`, `OPENRC`, or None if the system has neither."""
    return next((name for name, paths in _SIGNS if any(root.resolve(path) for path in paths)), None)


def need(root: Root, key: str) -> str:
    """Return `SYSTEMD` or `OPENRC`; raises ImagerError on behalf of `key`."""
    found = find(root)
    if found is None:
        raise ImagerError(f"{key}: the system has neither systemd nor OpenRC: add one of them to `packages`")
    return found
