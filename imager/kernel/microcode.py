"""Microcode images: what the kernel gives to the processor before anything else (Documentation/arch/x86/microcode.rst).

A distribution ships either the image (Alpine: /boot/intel-ucode.img) or the parts of it below /usr/lib/firmware
(Debian), of which the image is made here: an uncompressed cpio archive with one file.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.archive import cpio

if TYPE_CHECKING:
    from pathlib import Path

    from imager.kernel.firmware import Firmware
    from imager.rootfs.root import Root

_DIRECTORIES = ("kernel", "kernel/x86", "kernel/x86/microcode")


@dataclass(frozen=True)
class Vendor:
    """Whose processors: the file in the image, the directory of its parts, and how these are named."""

    name: str
    directory: str
    part: str
    """A regular expression for the whole name, without the ending of what is compressed."""

    @property
    def image(self) -> str:
        """The path of the image in a system."""
        return f"boot/{self.directory}.img"


VENDORS = {
    # Debian adds `.initramfs` to what must not be loaded later than this.
    "intel": Vendor("GenuineIntel.bin", "intel-ucode", r"[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}(\.initramfs)?"),
    "amd": Vendor("AuthenticAMD.bin", "amd-ucode", r"microcode_amd.*\.bin"),
}


def images(root: Root) -> tuple[str, ...]:
    """Give the paths of the images in /boot, in the order in which the kernel gets them.

    Archives whose names end in .cpio are such images too.
    """
    known = {vendor.image for vendor in VENDORS.values()}
    paths = (f"boot/{name}" for name in root.names("boot"))
    return tuple(path for path in paths if (path in known or path.endswith(".cpio")) and root.file(path) is not None)


def parts(vendor: Vendor, firmware: Firmware) -> tuple[str, ...]:
    """Give the paths of a vendor's parts, relative to the directory of the firmware, in the order of the image."""
    found = []
    for path in firmware.files:
        directory, _, name = path.rpartition("/")
        if directory == vendor.directory and re.fullmatch(vendor.part, name.removesuffix(".xz").removesuffix(".zst")):
            found.append(path)
    return tuple(found)


def image(vendor: Vendor, firmware: Firmware, epoch: int) -> bytes:
    """Make the image of a vendor's parts; empty where there are none."""
    places = [firmware.directory / path for path in parts(vendor, firmware)] if firmware.directory else []
    data = b"".join(_read(place) for place in places)
    if not data:
        return b""
    pieces = [
        cpio.header(path.encode(), ino=0, mode=stat.S_IFDIR | 0o755, nlink=2, mtime=epoch) for path in _DIRECTORIES
    ]
    path = f"{_DIRECTORIES[-1]}/{vendor.name}".encode()
    pieces.append(cpio.header(path, ino=0, mode=stat.S_IFREG | 0o644, mtime=epoch, size=len(data)))
    return b"".join([*pieces, data, cpio.padding(len(data)), cpio.TRAILER])


def _read(place: Path) -> bytes:
    from imager.kernel import modfile

    suffix = place.suffix if place.suffix in (".xz", ".zst") else ""
    return modfile.unpack(place.read_bytes(), suffix, place)
