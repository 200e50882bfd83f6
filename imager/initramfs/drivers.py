"""The drivers with which init reaches a disk, and the list that says for which devices each of them is.

init loads what the devices of the machine ask for (init/drivers.c), as udev would, which is on the disk.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.kernel import moddep, purposes
from imager.rootfs.root import LARGE
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.kernel.moddep import Modules
    from imager.rootfs.root import Root

HASH = "crypto-sha256"
"""The name under which dm-verity asks for its hash: the kernel has it, and modules may have faster ones."""


@dataclass(frozen=True)
class Driver:
    """A module, the modules that it needs, in load order, and the patterns of the devices that it is for."""

    name: str
    needs: tuple[str, ...]
    devices: tuple[str, ...]

    def record(self) -> bytes:
        """Return its entry in the list for init."""
        return b"".join(text.encode() + b"\0" for text in (self.name, *self.needs, "", *self.devices, ""))


def find(root: Root, version: str, modules: Modules) -> tuple[Driver, ...]:
    """Return the drivers of disks that the system has for a kernel, by name."""
    wanted = purposes.DISKS.choose(modules) | modules.closure([HASH])
    devices: defaultdict[str, list[str]] = defaultdict(list)
    for name, pattern in _patterns(root, version):
        devices[name].append(pattern)
    return tuple(
        Driver(name, modules.load_order([name])[:-1], tuple(devices[name]))
        for name in sorted(wanted & modules.paths.keys())
        if name in devices
    )


def _patterns(root: Root, version: str) -> Iterator[tuple[str, str]]:
    """Yield each driver with one pattern of its devices, from lines like `alias pci:v*d*sv* virtio_pci`."""
    for line in lines(read(root, f"{moddep.directory_of(root, version)}/modules.alias", LARGE)):
        words = line.split()
        if len(words) == 3 and words[0] == "alias" and ":" in words[1]:
            yield moddep.to_name(words[2]), words[1]
