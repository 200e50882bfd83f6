"""Microcode images, which the kernel loads into the processor first of all (Documentation/arch/x86/microcode.rst).

A distribution ships either the image (Alpine: /boot/intel-ucode.img) or its parts below /usr/lib/firmware (Debian).
From the parts, this module makes the image: an uncompressed cpio archive with one file.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.archive import cpio
from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.kernel.firmware import Firmware
    from imager.rootfs.root import Root

LIMIT = 64 << 20
"""The most bytes that the microcode of a vendor may have."""
_DIRECTORIES = ("kernel", "kernel/x86", "kernel/x86/microcode")


@dataclass(frozen=True)
class Vendor:
    """A processor vendor: the file in the image, the directory of its parts, and their names."""

    name: str
    directory: str
    part: str
    """A regular expression for the whole name, without the ending of a compressed file."""

    @property
    def image(self) -> str:
        """The path of the image in a system."""
        return f"boot/{self.directory}.img"


VENDORS = {
    # Debian appends `.initramfs` to microcode that the kernel must not load later.
    "intel": Vendor("GenuineIntel.bin", "intel-ucode", r"[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}(\.initramfs)?"),
    "amd": Vendor("AuthenticAMD.bin", "amd-ucode", r"microcode_amd.*\.bin"),
}


def images(root: Root) -> tuple[str, ...]:
    """Return the paths of the images in /boot, in the order in which the kernel gets them.

    Archives with names that end with .cpio are also such images.
    """
    known = {vendor.image for vendor in VENDORS.values()}
    paths = (f"boot/{name}" for name in root.names("boot"))
    return tuple(path for path in paths if (path in known or path.endswith(".cpio")) and root.file(path) is not None)


def parts(vendor: Vendor, firmware: Firmware) -> tuple[str, ...]:
    """Return the paths of a vendor's parts, relative to the firmware directory, in the order of the image."""
    found = []
    for path in firmware.files:
        directory, _, name = path.rpartition("/")
        if directory == vendor.directory and re.fullmatch(vendor.part, name.removesuffix(".xz").removesuffix(".zst")):
            found.append(path)
    return tuple(found)


def image(vendor: Vendor, firmware: Firmware, epoch: int) -> bytes:
    """Return the image of a vendor's parts, empty if there are no parts. Raises ImagerError for too large ones."""
    data = bytearray()
    for part in parts(vendor, firmware):
        data += firmware.read(part)
        if len(data) > LIMIT:
            raise ImagerError(
                f"the microcode in /{firmware.directory}/{vendor.directory} has more than {LIMIT:,} bytes"
            )
    if not data:
        return b""
    pieces = [
        cpio.header(path.encode(), ino=0, mode=stat.S_IFDIR | 0o755, nlink=2, mtime=epoch) for path in _DIRECTORIES
    ]
    path = f"{_DIRECTORIES[-1]}/{vendor.name}".encode()
    pieces.append(cpio.header(path, ino=0, mode=stat.S_IFREG | 0o644, mtime=epoch, size=len(data)))
    return b"".join([*pieces, data, cpio.padding(len(data)), cpio.TRAILER])
