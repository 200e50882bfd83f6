"""The network interfaces, written for the network service of the system: systemd-networkd or ifupdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.customize import ifupdown, networkd
from imager.rootfs import initsystem
from imager.rootfs.root import Root
from imager.rootfs.text import write
from imager.rootfs.writing import remove

if TYPE_CHECKING:
    from imager.requests.network import Network

_NETWORKD = ("usr/lib/systemd/systemd-networkd", "lib/systemd/systemd-networkd")
_RESOLVED = ("usr/lib/systemd/systemd-resolved", "lib/systemd/systemd-resolved")
_IFUP = ("sbin/ifup", "usr/sbin/ifup")
_MANAGER = ("usr/sbin/NetworkManager", "usr/bin/NetworkManager")


def run(request: Network) -> None:
    """Write the files of the service that the system has."""
    root = Root(Path(request.system))
    interfaces = request.interface
    files = networkd.files(interfaces) if _has_networkd(root) else ifupdown.files(interfaces)
    resolver = ifupdown.resolver(interfaces)
    if resolver and not _any(root, _RESOLVED):
        files["etc/resolv.conf"] = "".join(f"{line}\n" for line in resolver)
    for name in networkd.REPLACED:
        if name not in files:
            remove(root, name)
    for path, text in sorted(files.items()):
        write(root, path, text, request.epoch)


def _has_networkd(root: Root) -> bool:
    """Whether systemd-networkd is the service to tell; ifupdown where it is not. Raises ImagerError for neither."""
    ifupdown_is_there = _any(root, _IFUP)
    enabled = networkd.is_enabled(root)
    possible = initsystem.find(root) == initsystem.SYSTEMD and _any(root, _NETWORKD)
    # Debian's systemd always brings networkd: it is meant where it is enabled, or where nothing else is there.
    if possible and (enabled or not ifupdown_is_there):
        if not enabled and _any(root, _MANAGER):
            raise ImagerError(
                "network: this system has NetworkManager, which would interfere: remove its package with "
                "`remove_packages`, or write its own files in `files`"
            )
        return True
    if ifupdown_is_there:
        return False
    raise ImagerError("network: this system has neither systemd-networkd nor ifupdown: add one to packages")


def _any(root: Root, paths: tuple[str, ...]) -> bool:
    return any(root.file(path) is not None for path in paths)
