"""What a system has left from the disk that it was made for, and what of it is of no use, or waits, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.rootfs import fstab
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root

_GRUB = ("etc/default/grub", "boot/grub/grub.cfg", "boot/grub2/grub.cfg")
_RESUME = "etc/initramfs-tools/conf.d/resume"
_HOOKS = ("etc/initramfs-tools/hooks", "etc/initramfs-tools/scripts", "etc/dracut.conf.d", "etc/mkinitfs/features.d")
_CLOUD_INIT, _CLOUD_INIT_OFF = "etc/cloud/cloud.cfg", "etc/cloud/cloud-init.disabled"


def find(base: Root, system: Root) -> dict[str, list[str]]:
    """Return, in words, what `base` brought: what is `disarmed`, what still `waits` in `system`, what has no effect."""
    return {"disarmed": list(_disarmed(base)), "unused": list(_unused(base)), "waits": list(_waits(base, system))}


def _disarmed(base: Root) -> Iterator[str]:
    for line in fstab.load(base):
        if line.is_of_the_boot or (line.kind == "swap" and line.is_waited_for):
            what = "swap" if line.kind == "swap" else line.point
            yield f"{what} on {line.device} (/{fstab.PATH})"
    for text in lines(read(base, fstab.CRYPTTAB)):
        words = text.split()
        if len(words) > 1 and not words[0].startswith("#"):
            yield f"{words[0]} on {words[1]} (/{fstab.CRYPTTAB})"


def _waits(base: Root, system: Root) -> Iterator[str]:
    here = fstab.load(system)
    for line in fstab.load(base):
        if line.kind != "swap" and line.is_waited_for and line in here:
            yield f"{line.point} on {line.device} (/{fstab.PATH})"
    if all(root.file(_CLOUD_INIT) for root in (base, system)) and system.resolve(_CLOUD_INIT_OFF) is None:
        yield f"the settings of a cloud, for cloud-init (an empty /{_CLOUD_INIT_OFF} in `files` stops it)"


def _unused(base: Root) -> Iterator[str]:
    if any(base.file(path) for path in _GRUB):
        yield "GRUB (kernel parameters go to `kernel: {cmdline: ...}`)"
    if base.file(_RESUME):
        yield f"a disk to resume from (/{_RESUME})"
    for path in _HOOKS:
        if any(_files_below(base, path)):
            yield f"hooks of an initramfs (/{path})"


def _files_below(root: Root, path: str) -> Iterator[str]:
    for name in root.names(path):
        inner = f"{path}/{name}"
        if root.file(inner) is not None:
            yield inner
        else:
            yield from _files_below(root, inner)
