"""From a unified kernel image to what boots: one request for each format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request

ARCHITECTURES = ("amd64", "arm64")
"""The architectures that outputs exist for, in Docker's words."""


@dataclass(frozen=True, kw_only=True)
class Output(Request):
    """Make something that boots of `uki`: the layout of one, or an EFI program."""

    uki: str
    output: str
    architecture: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Efi(Output):
    """The EFI program itself."""

    performed_by: ClassVar[str] = "disk.efi"


@dataclass(frozen=True, kw_only=True)
class Disk(Output):
    """Make a bootable medium. `label` names its file system."""

    label: str = "CLAYLINUX"


@dataclass(frozen=True, kw_only=True)
class Raw(Disk):
    """A GPT disk with one EFI system partition. `label`: at most 11 characters."""

    performed_by: ClassVar[str] = "disk.raw"


@dataclass(frozen=True, kw_only=True)
class Iso(Disk):
    """An ISO that boots as a CD, and as a disk when written to one. `label`: at most 32 characters."""

    performed_by: ClassVar[str] = "disk.iso"


@dataclass(frozen=True, kw_only=True)
class Qcow2(Disk):
    """An image for QEMU, KVM and OpenStack, like raw; `compress`: with zlib, for systems that are not compressed."""

    performed_by: ClassVar[str] = "disk.qcow2"
    compress: bool = False


@dataclass(frozen=True, kw_only=True)
class Vmdk(Disk):
    """An image for VMware, like raw. `subformat` is streamOptimized or monolithicSparse (see `imager.disk.vmdk`).

    `compress`: with zlib, for systems that are not compressed; streamOptimized only.
    """

    performed_by: ClassVar[str] = "disk.vmdk"
    subformat: str = "streamOptimized"
    compress: bool = False


@dataclass(frozen=True, kw_only=True)
class Vhdx(Disk):
    """An image for Hyper-V, like raw."""

    performed_by: ClassVar[str] = "disk.vhdx"


@dataclass(frozen=True, kw_only=True)
class Vhd(Disk):
    """An image of fixed size for Azure, like raw."""

    performed_by: ClassVar[str] = "disk.vhd"


@dataclass(frozen=True, kw_only=True)
class Vdi(Disk):
    """An image for VirtualBox, like raw."""

    performed_by: ClassVar[str] = "disk.vdi"


BY_FORMAT: dict[str, type[Output]] = {
    kind.__name__.lower(): kind for kind in (Efi, Raw, Iso, Qcow2, Vmdk, Vhdx, Vhd, Vdi)
}
"""The request of each format of `spec.formats`."""
