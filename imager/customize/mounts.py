"""File systems of the running system: /etc/fstab (fstab(5)), the mount points, and what makes missing file systems."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.customize import filesystems
from imager.rootfs import fstab, initsystem
from imager.rootfs.root import Root
from imager.rootfs.text import lines, read, write
from imager.rootfs.writing import make_directory
from spec.mounts import DeviceMount, FileSystem, MemoryMount
from spec.values.types import Share

if TYPE_CHECKING:
    from imager.requests.mounts import Mounts

_CHECKED = ("ext2", "ext3", "ext4", "vfat", "exfat", "f2fs")
"""File systems that are checked before they are mounted; the others repair themselves."""
_MADE_AT_BOOT = ("/dev/", "/run/", "/tmp/")


def run(request: Mounts) -> None:
    """Write the file systems table and what goes with it."""
    root = Root(Path(request.system))
    old = [line for line in lines(read(root, fstab.PATH)) if _point(line) not in request.mount]
    # Sorted by mount point: what is mounted below another comes after it.
    new = [_line(root, point, mount, request.epoch) for point, mount in sorted(request.mount.items())]
    write(root, fstab.PATH, "".join(f"{line}\n" for line in (*old, *new)), request.epoch)
    created = {
        point: mount for point, mount in request.mount.items() if isinstance(mount, DeviceMount) and mount.create
    }
    if created:
        filesystems.add(root, created, request.epoch)


def _point(text: str) -> str | None:
    """Return the mount point of a line of an fstab; None for comments and empty lines."""
    line = fstab.parse(text)
    return line.point if line is not None else None


def _line(root: Root, point: str, mount: FileSystem, epoch: int) -> str:
    directory = _directory(root, point, epoch)
    if isinstance(mount, MemoryMount):
        return _join("tmpfs", point, "tmpfs", [*mount.options, *_size(mount), *_owner(mount, directory)], check=False)
    options = list(mount.options)
    if mount.optional:
        options.append("nofail")  # with systemd, the boot does not even wait for it
    init = initsystem.find(root)
    # busybox, which mounts with OpenRC, hands unknown words to the kernel.
    if mount.create and init == initsystem.SYSTEMD:
        options.append(f"x-systemd.requires={filesystems.unit_of(point)}")
    bind = "bind" in options or "rbind" in options
    fstype = mount.fstype or ("none" if bind else "nfs" if ":/" in mount.device else "auto")
    if fstype.startswith("nfs") or mount.device.startswith("//"):
        options.append("_netdev")
    # OpenRC ends the boot if a disk to check is not there, whatever the options say.
    check = fstype in _CHECKED and not (mount.optional and init == initsystem.OPENRC)
    return _join(mount.device, point, fstype, options, check=check)


def _size(mount: MemoryMount) -> list[str]:
    limit = mount.tmpfs
    if limit is None:
        return []
    return [f"size={limit.percent}%" if isinstance(limit, Share) else f"size={limit}"]


def _join(device: str, point: str, fstype: str, options: list[str], *, check: bool) -> str:
    joined = ",".join(dict.fromkeys(options)) or "defaults"
    return fstab.format_line(device, point, fstype, joined, "0", "2" if check else "0")


def _directory(root: Root, point: str, epoch: int) -> os.stat_result | None:
    """Make the mount point, and give what is known about it; None where it is made at every boot."""
    if point.startswith(_MADE_AT_BOOT):
        return None
    status = root.status(point)
    if status is not None and not stat.S_ISDIR(status.st_mode):
        raise ImagerError(f"mounts: {point} is a file in the system: a mount point must be a directory")
    if status is None:
        make_directory(root, point, epoch=epoch)
    return root.status(point)


def _owner(mount: MemoryMount, directory: os.stat_result | None) -> list[str]:
    """Give the options that give a directory in memory the mode and owner of the one that it hides."""
    if directory is None or any(option.startswith("mode=") for option in mount.options):
        return []
    options = [f"mode={stat.S_IMODE(directory.st_mode):04o}"]
    if directory.st_uid or directory.st_gid:
        options += [f"uid={directory.st_uid}", f"gid={directory.st_gid}"]
    return options
