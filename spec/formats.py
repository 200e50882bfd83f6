"""The formats of outputs: one row for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of output. `imager.requests.outputs` has the request that makes it from a UKI.

    `os_release`: whether its UKI has one. A file among others is listed by boot managers, which want it; on a medium
    that has nothing else, it only takes memory (see `imager.memory`). `has_disk`: whether there is room beside the UKI,
    for `rootfs.source: disk`. `keys`: those of `spec.outputs.Output` that it
    has beyond `format` and `name`; its request has fields of these names.
    """

    name: str
    extension: str
    summary: str
    os_release: bool = False
    has_disk: bool = True
    keys: tuple[str, ...] = ("label",)


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        # Flashing tools offer only disks that are named so.
        Format("raw", "img", "GPT disk image"),
        Format("iso", "iso", "hybrid ISO for CDs, USB sticks and disks"),
        Format("efi", "efi", "the unified kernel image itself", os_release=True, has_disk=False, keys=()),
        Format("qcow2", "qcow2", "disk for QEMU, KVM, Proxmox and OpenStack", keys=("label", "compress")),
        Format("vmdk", "vmdk", "disk for VMware and AWS", keys=("label", "compress", "subformat")),
        Format("vhdx", "vhdx", "disk for Hyper-V"),
        Format("vhd", "vhd", "disk of fixed size for Azure"),
        Format("vdi", "vdi", "disk for VirtualBox"),
    )
}
"""By name. A new one is a row here, a request in `imager.requests.outputs`, and a module in `imager.disk`."""

ENROLLMENTS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("enroll", "enroll.iso", "ISO that enrolls the keys of `secure_boot.enroll` in machines"),
        Format("ovmf-vars", "vars.fd", "firmware variables with these keys, for virtual machines with OVMF", keys=()),
    )
}
"""What makes machines trust the system, and has nothing of the system itself."""

OUTPUTS = {**FORMATS, **ENROLLMENTS}
"""All that `outputs` can list."""


def formats_with(key: str) -> tuple[str, ...]:
    """Return the formats whose outputs have `key`."""
    return tuple(name for name, row in OUTPUTS.items() if key in row.keys)


def formats_on_disk() -> tuple[str, ...]:
    """Return the formats that can have the system on the disk."""
    return tuple(name for name, row in FORMATS.items() if row.has_disk)
