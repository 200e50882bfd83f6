"""What the imager can be asked: the interface between the planner and the build steps.

A request is a frozen value; `argv()` gives its command line, which `imager.commands.parse` reads back, always to the
same value (see `imager.request`). All paths are those that the build step sees. `epoch` is in seconds since
1970-01-01T00:00:00Z: nothing in an output is dated later.

Importing this module is cheap: the planner does it in every build.
"""

from __future__ import annotations

from dataclasses import dataclass

from imager.requests.outputs import ARCHITECTURES, Disk, Efi, Iso, Output, Qcow2, Raw, Vdi, Vhd, Vhdx, Vmdk
from imager.requests.packing import Initramfs, Layer, Stage, Uki
from imager.requests.reports import Inspect, Sizes
from imager.requests.system import Folders, Hashes, Identity, KernelTree, Link, Mounts, Network, Services, Users

__all__ = [
    "ARCHITECTURES",
    "FORMATS",
    "Disk",
    "Efi",
    "Folders",
    "Format",
    "Hashes",
    "Identity",
    "Initramfs",
    "Inspect",
    "Iso",
    "KernelTree",
    "Layer",
    "Link",
    "Mounts",
    "Network",
    "Output",
    "Qcow2",
    "Raw",
    "Services",
    "Sizes",
    "Stage",
    "Uki",
    "Users",
    "Vdi",
    "Vhd",
    "Vhdx",
    "Vmdk",
]


@dataclass(frozen=True)
class Format:
    """One kind of output. `request` makes it from the UKI.

    `os_release`: whether that has one. A file among others is listed by boot managers, which want it; on a medium that
    has nothing else, it only takes memory (see `imager.memory`).
    """

    name: str
    extension: str
    summary: str
    request: type[Output]
    os_release: bool = False


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("efi", "efi", "the unified kernel image itself", Efi, os_release=True),
        Format("raw", "img", "GPT disk image", Raw),
        Format("iso", "iso", "hybrid ISO for CDs, USB sticks and disks", Iso),
        Format("qcow2", "qcow2", "disk for QEMU, KVM, Proxmox and OpenStack", Qcow2),
        Format("vmdk", "vmdk", "disk for VMware and AWS", Vmdk),
        Format("vhdx", "vhdx", "disk for Hyper-V", Vhdx),
        Format("vhd", "vhd", "disk of fixed size for Azure", Vhd),
        Format("vdi", "vdi", "disk for VirtualBox", Vdi),
    )
}
"""Every output format. A new one is a row here and in `imager.commands`, a request and a module in `imager`."""
