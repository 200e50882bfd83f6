"""What is built, and how the system is kept in it: the keys `outputs`, `rootfs` and `limits`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .. import sizes, words
from .keys import key


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file to build."""

    SHORT: ClassVar[str] = "format"
    format: words.Format = key(
        "`raw`: a disk; `iso`: a CD that also boots as a disk; `efi`: the UKI alone; disks of virtual machines: "
        "`qcow2` (QEMU, KVM), `vmdk` (VMware, stream-optimized), `vhdx` (Hyper-V), `vhd` (Azure, fixed size), "
        "`vdi` (VirtualBox).",
        "iso",
    )
    name: words.FileName = key("The file name without its ending. Default: the `name` of the file.", "edge", default="")
    label: words.VolumeLabel | None = key(
        "The name of the file system on the medium. Default: CLAYLINUX.", "EDGE", default=None
    )
    compress: bool = key(
        "Whether the clusters of a qcow2 or vmdk disk are compressed too; of use where `rootfs` is not.",
        "true",
        default=False,
    )

    @property
    def filename(self) -> str:
        """The name of the file in the result."""
        return f"{self.name}.{self.format}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rootfs:
    """How the system is kept in the image and in memory."""

    mode: Literal["auto", "overlay", "tmpfs"] = key(
        "`overlay`: compressed in memory, read when needed, changes in a tmpfs on top; `tmpfs`: unpacked at boot; "
        "`auto`: overlay where the kernel can.",
        "tmpfs",
        default="auto",
    )
    compression: words.Compression | None = key(
        "`none`, `gz`, `xz`, `lz4` or `zstd`, with a level as in `zstd:19`. Default: zstd at a fast level.",
        "zstd:19",
        default=None,
    )
    flatten: bool = key(
        "Pack everything in one piece: files that a later step deleted are not in the image, but every change "
        "packs all of it again.",
        "true",
        default=False,
    )
    tmpfs: sizes.MemorySize | None = key(
        "The most that changes and new files can take, in bytes or percent of the memory. Default: 50%.",
        "64M",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes that the result must not exceed: the build fails when one does."""

    uki: sizes.Size | None = key("The size of the UKI.", "256M", default=None)
    ram: sizes.Size | None = key("The memory that the system needs to boot.", "512M", default=None)
