"""What is mounted where: mount points, devices, types of file systems, options."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated

from .kinds import Text
from .sizes import MEMORY_SIZE, memory
from .types import Share
from .wording import quote

CREATABLE = ("btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "vfat", "xfs")
"""File systems that `create` makes. `imager.customize.filesystems` knows how."""
LONGEST_LABEL = {"exfat": 11, "ext2": 16, "ext3": 16, "ext4": 16, "vfat": 11, "xfs": 12}
"""Bytes; of the manuals of their mkfs. Where it is too long, mkfs cuts it off without a word, or fails."""
NOT_IN_FAT_LABEL = r"[*?.,;:/\\|+=<>\[\]]"
"""What mkfs.fat(8) refuses."""
NEEDED = frozenset(
    {"/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin"}
)
"""Folders that no system starts without."""

_KERNELS_OWN = ("/proc", "/sys")
_TAKEN = {"/dev": "device files are there", "/run": "the init system mounts it"}
_DEVICE = (
    r"(UUID|LABEL|PARTUUID|PARTLABEL)=[^\s\"']+|/[^\n]*|[A-Za-z0-9_.\-]+:\S*|\[[0-9A-Fa-f:]+\]:/\S*|//\S+"
    r"|[a-z][a-z0-9_]*"
)


def _mount_point(text: str) -> str:
    if ".." in text.split("/"):
        raise ValueError("a mount point must not have `..` in it")
    path = posixpath.normpath("/" + text.lstrip("/"))
    if path == "/":
        raise ValueError("the root is in memory and is not mounted from a disk: choose a folder such as /data; "
                         "the key `rootfs` says how the root is kept")  # fmt: skip
    if any(path == own or path.startswith(f"{own}/") for own in _KERNELS_OWN):
        raise ValueError(f"{path} belongs to the kernel: choose another folder, such as /data")
    if path in _TAKEN:
        raise ValueError(f"nothing can be mounted at {path}: {_TAKEN[path]}")
    if path.split("/")[1] in ("init", ".claylinux"):
        raise ValueError(f"{path} is Claylinux's own at boot: choose another folder, such as /data")
    return path


def _device(text: str) -> str:
    if re.fullmatch(r"[hsv]d[a-z]\d*|nvme\d+n\d+(p\d+)?|mmcblk\d+(p\d+)?", text):
        raise ValueError(f"a device is named by its whole path: write /dev/{text}")
    if re.match(r"(uuid|label|partuuid|partlabel)=", text):
        tag, equals, value = text.partition("=")
        raise ValueError(f"tags are in upper case: write {tag.upper()}{equals}{value}")
    if not re.fullmatch(_DEVICE, text):
        raise ValueError(f"expected a device such as /dev/vdb, LABEL=DATA or nas:/export, not {quote(text)}")
    return text


def _limit(text: str) -> int | Share | None:
    return None if text == "true" else memory(text)


MountPoint = Annotated[
    str,
    Text(expected="a folder of the system, such as /data", pattern=r"/[^\n]*", convert=_mount_point),
]
Device = Annotated[
    str, Text(expected="a device, such as /dev/vdb or LABEL=DATA", pattern=r"[^\n]*\S[^\n]*", convert=_device)
]
FsType = Annotated[str, Text(expected="a kind of file system, such as ext4", pattern=r"[a-z][a-z0-9_.\-]{0,31}")]
MountOption = Annotated[
    str, Text(expected="a mount option without comma or space, such as noatime", pattern=r"[^\s,#][^\s,]*")
]
MemoryLimit = Annotated[
    int | Share | None,
    Text(expected="true, a size such as 64M, or a share such as 50%", pattern=rf"true|{MEMORY_SIZE}", convert=_limit),
]
"""A size in bytes, a share of the memory, or None for the kernel's own limit."""
