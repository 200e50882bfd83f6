"""Updates in the machine: the programs of `imager/guest` for them, what these need to know, and a watchdog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.customize import guest
from imager.rootfs import initsystem
from imager.rootfs.root import Root
from imager.rootfs.text import write

if TYPE_CHECKING:
    from imager.requests.update import Update

_PROGRAMS = {
    "curl": "curl",
    "mkfs.vfat": "dosfstools",
    "openssl": "openssl",
    "sfdisk": "fdisk (sfdisk on Alpine)",
}
"""What the programs in the machine call, beside what every system has, and the package with it."""
_AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
_WATCHDOG = """\
# By Claylinux, from the key `update`: a machine that hangs starts again, and goes back if it tries a new version.
[Manager]
RuntimeWatchdogSec=30s
RebootWatchdogSec=2min
WatchdogDevice=/run/claylinux/watchdog
"""


_SERVICES = (
    guest.Service("claylinux-watchdog", "sysinit.target", "default"),
    guest.Service("claylinux-health", "sysinit.target", "boot"),
    guest.Service("claylinux-update", "multi-user.target", "default"),
)


def run(request: Update) -> None:
    """Install the programs and their settings. Raises ImagerError for what the system lacks."""
    root, epoch = Root(Path(request.system)), request.epoch
    init = initsystem.need(root, "update")
    guest.need_programs(root, "update", _PROGRAMS)
    if root.file(_AUTHORITIES) is None:
        raise ImagerError(f"update: it needs /{_AUTHORITIES}: add ca-certificates to `packages`")
    guest.install(root, epoch, room="update")
    comment = "By Claylinux, from the key `update`. Times are in seconds; 0 is never. Nothing is the default, or none."
    guest.write_settings(root, "update", comment, _settings(request), epoch)
    write(root, f"{guest.PLACE}/update.pem", Path(request.trusted).read_text(), epoch)
    if request.ca:
        write(root, f"{guest.PLACE}/update-ca.pem", Path(request.ca).read_text(), epoch)
    for service in _SERVICES:
        guest.start_service(root, init, service, epoch)
    if init == initsystem.SYSTEMD:
        write(root, "usr/lib/systemd/system.conf.d/50-claylinux-update.conf", _WATCHDOG, epoch)


def _settings(request: Update) -> dict[str, str]:
    update, health = request.update, request.update.health
    registry = (update.source or "").startswith("oci")
    return {
        "update_name": request.name,
        "update_architecture": request.architecture,
        "update_from": update.source or "",
        "update_channel": update.channel or ("stable" if registry else ""),
        "update_every": str(update.every),
        "update_reboot": update.reboot,
        "update_ca": f"/{guest.PLACE}/update-ca.pem" if request.ca else "",
        "update_proxy": update.proxy or "",
        "update_login": update.login or "/etc/claylinux/update.netrc",
        "update_rate": str(update.rate or ""),
        "health_services": " ".join(health.services),
        "health_command": health.command or "",
        "health_timeout": str(health.timeout),
    }
