"""What a system has left from the disk that it was made for, and what of it is of no use, or waits, in memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imager.rootfs import fstab, systemd_start
from imager.rootfs.owners import package_by_path
from imager.rootfs.systemd_units import UnitFiles
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root

_LOADERS = (
    "etc/default/grub", "etc/default/grub.d", "boot/grub/grub.cfg", "boot/grub2/grub.cfg", "etc/kernel/cmdline",
    "boot/loader/entries", "boot/extlinux/extlinux.conf", "boot/extlinux.conf", "boot/syslinux/syslinux.cfg",
    "etc/update-extlinux.conf", "etc/lilo.conf", "etc/default/u-boot", "boot/cmdline.txt", "boot/firmware/cmdline.txt",
)  # fmt: skip
"""Settings of boot loaders: files, or directories with such files."""
_RESUME = ("etc/initramfs-tools/conf.d", "etc/initramfs-tools/initramfs.conf")
_RESUMES = re.compile(r"^[ \t]*RESUME=(?!none\b|auto\b)\S", re.MULTILINE)
_HOOKS = ("etc/initramfs-tools/hooks", "etc/initramfs-tools/scripts", "etc/dracut.conf.d", "etc/mkinitfs/features.d")
_ARRAYS = ("etc/mdadm/mdadm.conf", "etc/mdadm.conf", "etc/conf.d/dmcrypt")
_ARRAY = re.compile(r"^(ARRAY\s|target=|swap=)", re.MULTILINE)
_POOLS = ("etc/zfs/zpool.cache", "etc/lvm/backup", "etc/lvm/devices/system.devices")
_CLOUD_INIT, _CLOUD_INIT_OFF = "etc/cloud/cloud.cfg", "etc/cloud/cloud-init.disabled"
_NETWORKS = ("etc/netplan", "etc/systemd/network", "etc/NetworkManager/system-connections")
_CARD = re.compile(r"(?im)^[ \t]*(?:permanent)?mac-?address[ \t]*[:=][ \t]*[\"']?((?:[0-9a-f]{2}:){5}[0-9a-f]{2})")
_UNITS = "etc/systemd/system"
_MOUNTS = {".mount": "Mount", ".swap": "Swap"}
"""Types of units that stand for a line of fstab, and the section that says what they mount."""


def find(base: Root, system: Root) -> dict[str, list[str]]:
    """Return, in words, what `base` brought: what is `disarmed`, what still `waits` in `system`, what has no effect."""
    return {"disarmed": list(_disarmed(base)), "unused": list(_unused(base)), "waits": list(_waits(base, system))}


def _disarmed(base: Root) -> Iterator[str]:
    for line in fstab.from_elsewhere(fstab.load(base)):
        what = "swap" if line.kind == "swap" else line.point
        yield f"{what} on {line.device} (/{fstab.PATH})"
    for text in lines(read(base, fstab.CRYPTTAB)):
        words = text.split()
        if len(words) > 1 and not words[0].startswith("#"):
            yield f"{words[0]} on {words[1]} (/{fstab.CRYPTTAB})"


def _waits(base: Root, system: Root) -> Iterator[str]:
    own = [name for name in base.names(_UNITS) if name.endswith(tuple(_MOUNTS))]
    starting = systemd_start.causes(system) if own else {}
    units = UnitFiles(base)
    for unit in filter(None, map(units.find, own)):
        device = " ".join(unit.words(_MOUNTS[unit.suffix], "What"))
        if unit.name in starting and device.startswith(("/dev/", *fstab.TAGS)):
            yield f"{device} ({unit.path})"
    for path in (file for folder in _NETWORKS for file in _files_below(base, folder) if system.file(file)):
        if "/10-claylinux-" in path:
            continue  # of the key `network`: it was asked for
        for card in dict.fromkeys(_CARD.findall(read(base, path))):
            yield f"the network card {card} (/{path})"
    if all(root.file(_CLOUD_INIT) for root in (base, system)) and system.resolve(_CLOUD_INIT_OFF) is None:
        yield f"the settings of a cloud, for cloud-init (an empty /{_CLOUD_INIT_OFF} in `files` stops it)"


def _unused(base: Root) -> Iterator[str]:
    loaders = [f"/{path}" for path in _LOADERS if any(_files(base, path))]
    if loaders:
        yield f"a boot loader ({', '.join(loaders)}; kernel parameters go to `kernel: {{cmdline: ...}}`)"
    for path in _RESUME:
        for file in _files(base, path):
            if _RESUMES.search(read(base, file)):
                yield f"a disk to resume from (/{file})"
    owners: dict[str, str] | None = None
    for path in _HOOKS:
        found = list(_files(base, path))
        if found and owners is None:
            owners = package_by_path(base)
        if any(file not in (owners or {}) for file in found):
            yield f"hooks of an initramfs (/{path})"
    arrays = [path for path in _ARRAYS if _ARRAY.search(read(base, path))]
    pools = [path for path in _POOLS if any(_files(base, path))]
    if arrays or pools:
        yield f"disks that are put together ({', '.join(f'/{path}' for path in (*arrays, *pools))})"


def _files(root: Root, path: str) -> Iterator[str]:
    """Yield a file, or the files below a directory."""
    if root.file(path) is not None:
        yield path
    else:
        yield from _files_below(root, path)


def _files_below(root: Root, path: str) -> Iterator[str]:
    for name in root.names(path):
        inner = f"{path}/{name}"
        if root.file(inner) is not None:
            yield inner
        else:
            yield from _files_below(root, inner)
