"""What the running system mounts: /etc/fstab (fstab(5)), the mount points, and who makes missing file systems.

Each mount is a JSON object:

    point       the mount point
    device      what is mounted; or
    tmpfs       the size of a folder in memory, "" for the kernel's own limit
    fstype      the kind of file system
    options     list of mount options
    optional    true: the system starts without it
    create      true: make the file system where the device has no signature (see `imager.customize.filesystems`)
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.customize import filesystems
from imager.rootfs import initsystem
from imager.rootfs.root import Root
from imager.rootfs.text import read, write

if TYPE_CHECKING:
    from imager import contract

_FSTAB = "etc/fstab"
_CHECKED = ("ext2", "ext3", "ext4", "vfat", "exfat", "f2fs")
"""File systems that are checked before they are mounted; the others repair themselves."""
_MADE_AT_BOOT = ("/dev/", "/run/", "/tmp/")


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One mount as asked."""

    point: str
    device: str = ""
    tmpfs: str | None = None
    fstype: str = ""
    options: list[str] = field(default_factory=list)
    optional: bool = False
    create: bool = False


def run(request: contract.Mounts) -> None:
    """Write the file systems table and what goes with it."""
    root = Root(Path(request.system))
    mounts = [Mount(**json.loads(text)) for text in request.mount]
    points = {each.point for each in mounts}
    old = [line for line in read(root, _FSTAB).splitlines() if _point(line) not in points]
    # Sorted by mount point: what is mounted below another comes after it.
    lines = [_line(root, each, request.epoch) for each in sorted(mounts, key=lambda each: each.point)]
    write(root, _FSTAB, "".join(f"{line}\n" for line in (*old, *lines)), request.epoch)
    created = tuple((each.point, each.device, each.fstype) for each in mounts if each.create)
    if created:
        filesystems.add(root, created, request.epoch)


def _point(line: str) -> str | None:
    """Give the mount point of a line of an fstab; None for comments and empty lines."""
    words = line.split()
    return words[1] if len(words) > 1 and not line.lstrip().startswith("#") else None


def _line(root: Root, each: Mount, epoch: int) -> str:
    folder = _folder(root, each.point, epoch)
    if each.tmpfs is not None:
        options = [*each.options, *([f"size={each.tmpfs}"] if each.tmpfs else []), *_owner(each, folder)]
        return _join("tmpfs", each.point, "tmpfs", options, check=False)
    options = list(each.options)
    if each.optional:
        options.append("nofail")  # with systemd, the boot does not even wait for it
    # busybox, which mounts with OpenRC, hands words that it does not know to the kernel.
    if each.create and initsystem.find(root) == initsystem.SYSTEMD:
        options.append(f"x-systemd.requires={filesystems.unit_of(each.point)}")
    bind = "bind" in options or "rbind" in options
    fstype = each.fstype or ("none" if bind else "nfs" if ":/" in each.device else "auto")
    if fstype.startswith("nfs") or each.device.startswith("//"):
        options.append("_netdev")
    return _join(each.device, each.point, fstype, options, check=fstype in _CHECKED)


def _join(device: str, point: str, fstype: str, options: list[str], *, check: bool) -> str:
    words = (device, point, fstype, ",".join(dict.fromkeys(options)) or "defaults", "0", "2" if check else "0")
    return "\t".join(word.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011") for word in words)


def _folder(root: Root, point: str, epoch: int) -> os.stat_result | None:
    """Make the mount point, and give what is known about it; None where it is made at every boot."""
    if point.startswith(_MADE_AT_BOOT):
        return None
    place = root.place(point)
    if place is None:
        raise ImagerError(f"mounts: {point}: the links on the way go in circles")
    if place.exists() and not place.is_dir():
        raise ImagerError(f"mounts: {point} is a file in the system: a mount point must be a folder")
    if not place.exists():
        place.mkdir(mode=0o755, parents=True)
        os.utime(place, (epoch, epoch))
    return place.stat()


def _owner(each: Mount, folder: os.stat_result | None) -> list[str]:
    """Give the options that let a folder in memory be as the one that it hides."""
    if folder is None or any(option.startswith("mode=") for option in each.options):
        return []
    options = [f"mode={stat.S_IMODE(folder.st_mode):04o}"]
    if folder.st_uid or folder.st_gid:
        options += [f"uid={folder.st_uid}", f"gid={folder.st_gid}"]
    return options
