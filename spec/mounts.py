"""File systems of the running system: the key `mounts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import filesystems


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMount:
    """What is on a disk, on a server, or elsewhere in the system."""

    HINTS: ClassVar[Mapping[str, str]] = hints.MOUNT
    CHOSEN_BY: ClassVar[str] = "device"
    device: filesystems.Device = key(
        "What is mounted: a device in /dev, LABEL=..., UUID=..., PARTLABEL=..., PARTUUID=..., SERVER:/PATH, or a "
        "folder with the option `bind`.",
        "LABEL=DATA",
    )
    fstype: filesystems.FsType | None = key("The kind of file system. Default: what is found.", "ext4", default=None)
    options: tuple[filesystems.MountOption, ...] = key(
        "Mount options, as in /etc/fstab.", "[noatime]", default=(), one_or_many=True, unique=True
    )
    optional: bool = key("Whether the system starts without it.", "true", default=False)
    create: bool = key(
        "Whether to make the file system, on the first boot that finds the disk without any signature: no file "
        "system, no partition table, nothing that wipefs knows. With LABEL=... it is made on the one disk that is so.",
        "true",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMount:
    """A folder in memory, empty at every boot."""

    HINTS: ClassVar[Mapping[str, str]] = hints.MOUNT
    CHOSEN_BY: ClassVar[str] = "tmpfs"
    tmpfs: filesystems.MemoryLimit = key("Its largest size, or `true` for half of the memory.", "64M")
    options: tuple[filesystems.MountOption, ...] = key(
        "Mount options, as in /etc/fstab.", "[noexec]", default=(), one_or_many=True, unique=True
    )


FileSystem = DeviceMount | MemoryMount
