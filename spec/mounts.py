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
    """A file system on a disk or a server, or a directory of the system."""

    HINTS: ClassVar[Mapping[str, str]] = hints.MOUNT
    CHOSEN_BY: ClassVar[str] = "device"
    device: filesystems.Device = key(
        "The file system to mount: a device in /dev, LABEL=..., UUID=..., PARTLABEL=..., PARTUUID=... or SERVER:/PATH; "
        "or a directory, with the option `bind`.",
        "LABEL=DATA",
    )
    fstype: filesystems.FsType | None = key("The file system type. Default: detected.", "ext4", default=None)
    options: tuple[filesystems.MountOption, ...] = key(
        "Mount options, as in /etc/fstab.", "[noatime]", default=(), one_or_many=True, unique=True
    )
    optional: bool = key("Whether the system also boots without it.", "true", default=False)
    create: bool = key(
        "Whether to create the file system at boot if the disk has no signature that wipefs knows, such as a file "
        "system or a partition table. With LABEL=..., it is created on the only disk without a signature.",
        "true",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMount:
    """A directory in memory, empty at every boot."""

    HINTS: ClassVar[Mapping[str, str]] = hints.MOUNT
    CHOSEN_BY: ClassVar[str] = "tmpfs"
    tmpfs: filesystems.MemoryLimit = key("The maximum size, or `true` for half of the memory.", "64M")
    options: tuple[filesystems.MountOption, ...] = key(
        "Mount options, as in /etc/fstab.", "[noexec]", default=(), one_or_many=True, unique=True
    )


FileSystem = DeviceMount | MemoryMount
