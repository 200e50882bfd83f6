"""How the system gets onto a disk: the command for it, and what the build file says about disks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.customize import guest
from imager.rootfs import initsystem
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.requests.install import Install

_PROGRAMS = {"sfdisk": "fdisk (sfdisk on Alpine)", "cmp": "diffutils", "flock": "util-linux"}
"""What the command calls, beside what every system has, and the package with it."""
_SERVICE = guest.Service("claylinux-install", "multi-user.target", "default")


def run(request: Install) -> None:
    """Write the command and its settings. Raises ImagerError for what the system lacks."""
    root, install = Root(Path(request.system)), request.install
    init = initsystem.need(root, "install")
    guest.need_programs(root, "install", _PROGRAMS)
    guest.install(root, request.epoch, room="install")
    settings = {
        "install_disk": install.disk,
        "install_auto": "yes" if install.auto else "no",
        "install_after": install.after,
    }
    guest.write_settings(root, "install", "By Claylinux, from the key `install`.", settings, request.epoch)
    # Also without `auto`: the kernel's command line may say so.
    guest.start_service(root, init, _SERVICE, request.epoch)
