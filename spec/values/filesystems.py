"""Mounts of the running system: mount points, devices, file system types, options."""

from __future__ import annotations

import re
from typing import Annotated

from .kinds import MismatchError, Text
from .paths import normal
from .sizes import MEMORY_SIZE, memory
from .types import Share

CREATABLE = ("btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "vfat", "xfs")
"""File systems that `create` can make. `imager.customize.filesystems` knows how."""
LONGEST_LABEL = {"exfat": 11, "ext2": 16, "ext3": 16, "ext4": 16, "vfat": 11, "xfs": 12}
"""Bytes, as in the manual pages of mkfs. It truncates a longer label silently, or fails."""
NOT_IN_FAT_LABEL = r"[*?.,;:/\\|+=<>\[\]]"
"""Characters that mkfs.fat(8) refuses."""
NEEDED = frozenset(
    {"/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin"}
)
"""Directories that every system needs to start."""

_KERNELS_OWN = ("/proc", "/sys")
_TAKEN = {"/dev": "it holds the device files", "/run": "the init system mounts it"}
_DEVICE = (
    r"(UUID|LABEL|PARTUUID|PARTLABEL)=[^\s\"']+|/[^\n]*|[A-Za-z0-9_.\-]+:\S*|\[[0-9A-Fa-f:]+\]:/\S*|//\S+"
    r"|[a-z][a-z0-9_]*"
)


def _mount_point(text: str) -> str:
    path = normal(text)
    if path == "/":
        raise ValueError("the root file system is in memory, not on a disk: mount a directory (for example `/data`), "
                         "or see the key `rootfs`")  # fmt: skip
    if any(path == own or path.startswith(f"{own}/") for own in _KERNELS_OWN):
        raise ValueError(f"{path} belongs to the kernel: choose another directory (for example `/data`)")
    if path in _TAKEN:
        raise ValueError(
            f"{path} cannot be a mount point, because {_TAKEN[path]}: choose another directory (for example `/data`)"
        )
    if path.split("/")[1] in ("init", ".claylinux"):
        raise ValueError(f"Claylinux uses {path} at boot: choose another directory (for example `/data`)")
    return path


def _device(text: str) -> str:
    if re.fullmatch(r"[hsv]d[a-z]\d*|nvme\d+n\d+(p\d+)?|mmcblk\d+(p\d+)?", text):
        raise MismatchError(f"write the full path: `/dev/{text}`")
    if re.match(r"(uuid|label|partuuid|partlabel)=", text):
        tag, equals, value = text.partition("=")
        raise MismatchError(f"write the tag in upper case: `{tag.upper()}{equals}{value}`")
    if not re.fullmatch(_DEVICE, text):
        raise MismatchError
    return text


def _swap_device(text: str) -> str:
    text = _device(text)
    if not re.match(r"/dev/|[A-Z]+=", text):
        raise MismatchError("a file would be in the memory that it should relieve: write `zram: 50%`, or a device")
    return text


def _limit(text: str) -> int | Share | None:
    return None if text == "true" else memory(text)


MountPoint = Annotated[
    str,
    Text("a directory path that starts with `/`", ("/data",), pattern=r"/[^\n]*", convert=_mount_point),
]
Device = Annotated[
    str,
    Text(
        "a device, a tag or a network share",
        ("/dev/vdb", "LABEL=DATA", "nas:/export"),
        pattern=r"[^\n]*\S[^\n]*",
        convert=_device,
    ),
]
SwapDevice = Annotated[
    str,
    Text("a device in /dev or a tag", ("/dev/vdb2", "LABEL=swap"), pattern=r"[^\n]*\S[^\n]*", convert=_swap_device),
]
ZramAlgorithm = Annotated[
    str, Text("a compression that the kernel has for zram", ("zstd", "lz4"), pattern=r"[a-z0-9][a-z0-9\-]{0,31}")
]
FsType = Annotated[str, Text("a file system type", ("ext4",), pattern=r"[a-z][a-z0-9_.\-]{0,31}")]
MountOption = Annotated[
    str, Text("one mount option, without spaces or commas", ("noatime",), pattern=r"[^\s,#][^\s,]*")
]
MemoryLimit = Annotated[
    int | Share | None,
    Text("`true`, a size, or up to 100% of the memory", ("64M", "50%"), pattern=rf"true|{MEMORY_SIZE}", convert=_limit),
]
"""A size in bytes, a share of the memory, or None for the kernel's own limit."""
