"""File systems that are made at boot, on disks that hold nothing at all: a program in the system, and what starts it.

A disk counts as empty only when wipefs(8) reads it and finds no signature: no file system, no partition table, no
member of a RAID or of LVM, nothing encrypted. Everything else is left alone, for ever.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.customize.unit_file import command, unit_file, unit_name, value
from imager.rootfs import initsystem
from imager.rootfs.installed import has_program
from imager.rootfs.text import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.rootfs.root import Root
    from spec.mounts import DeviceMount

MAKERS = {
    "btrfs": ("btrfs-progs", "-q", "-L"),
    "exfat": ("exfatprogs", "-q", "-L"),
    "ext2": ("e2fsprogs", "-q", "-L"),
    "ext3": ("e2fsprogs", "-q", "-L"),
    "ext4": ("e2fsprogs", "-q", "-L"),
    "f2fs": ("f2fs-tools", "-q", "-l"),
    "vfat": ("dosfstools", "", "-n"),
    "xfs": ("xfsprogs", "-q", "-L"),
}
"""The package with mkfs.TYPE, its flag for silence, its flag for a label."""
PROGRAM = "usr/lib/claylinux/make-filesystem"
SERVICE = "claylinux-filesystems"
"""The service of OpenRC that starts it."""

_SCRIPT = r"""#!/bin/sh
# By Claylinux, from the key `mounts`: make a file system on a disk that holds nothing at all.
# usage: make-filesystem DEVICE|LABEL=NAME MKFS [FLAG...]
# With LABEL=NAME, the one disk is taken that is empty; where there are several, none.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
device=$1
shift

say() { echo "claylinux: $device: $*" >&2; }

is_empty() {
  # wipefs fails where it cannot read, and is silent where it finds nothing.
  found=$(wipefs "$1" 2>/dev/null) && [ -z "$found" ]
}

is_spare_disk() {
  name=${1##*/}
  case $name in loop*|ram*|zram*|sr*|fd*|dm-*|md*|nbd*|mtdblock*) return 1 ;; esac
  [ -b "/dev/$name" ] && [ "$(cat "$1/ro")" = 0 ] && [ "$(cat "$1/size")" != 0 ] || return 1
  [ -z "$(ls -d "$1/$name"* 2>/dev/null)" ] && is_empty "/dev/$name"
}

case $device in
LABEL=*)
  # The devices are known once those that were there at the start are announced.
  ! command -v udevadm >/dev/null || udevadm settle --timeout=30 || :
  ! findfs "$device" >/dev/null 2>&1 || exit 0
  spare=
  for disk in /sys/block/*; do
    ! is_spare_disk "$disk" || spare="$spare /dev/${disk##*/}"
  done
  set -- "$@"
  case $spare in
  "") say "no disk has this label, and none is empty"; exit 1 ;;
  " "*" "*) say "no disk has this label, and several are empty:$spare: give one of them in mounts"; exit 1 ;;
  esac
  disk=${spare# }
  ;;
*)
  [ -b "$device" ] || { say "there is no such disk"; exit 1; }
  is_empty "$device" || exit 0
  disk=$device
  ;;
esac
say "making a file system on $disk, which is empty"
"$@" "$disk" </dev/null
! command -v udevadm >/dev/null || udevadm settle --timeout=30 || :
"""


def unit_of(point: str) -> str:
    """Give the name of the unit that makes the file system for a mount point."""
    return f"claylinux-make-{unit_name(point)}.service"


def add(root: Root, wanted: Mapping[str, DeviceMount], epoch: int) -> None:
    """Have `wanted`, by mount point, made at boot. Raises ImagerError for programs that are missing."""
    init = initsystem.need(root, "mounts")
    for point, mount in wanted.items():
        kind = _kind(mount)
        _require(root, f"mkfs.{kind}", MAKERS[kind][0], point)
        _require(root, "wipefs", "wipefs" if init == initsystem.OPENRC else "util-linux", point)
    write(root, PROGRAM, _SCRIPT, epoch, 0o755)
    if init == initsystem.SYSTEMD:
        for point, mount in wanted.items():
            write(root, f"etc/systemd/system/{unit_of(point)}", _unit(point, mount), epoch)
    else:
        write(root, f"etc/init.d/{SERVICE}", _openrc(wanted), epoch, 0o755)


def _kind(mount: DeviceMount) -> str:
    assert mount.fstype is not None, "the language wants it with `create`"
    return mount.fstype


def _require(root: Root, program: str, package: str, point: str) -> None:
    if not has_program(root, program):
        raise ImagerError(f"mounts: {point}: `create` needs {program}: add {package} to packages")


def _command(mount: DeviceMount) -> list[str]:
    _, quiet, label_flag = MAKERS[_kind(mount)]
    label = mount.device.removeprefix("LABEL=")
    flags = ([quiet] if quiet else []) + ([label_flag, label] if label != mount.device else [])
    return [f"/{PROGRAM}", mount.device, f"mkfs.{mount.fstype}", *flags]


def _unit(point: str, mount: DeviceMount) -> str:
    unit = [
        ("Description", value(f"File system for {point}")),
        ("DefaultDependencies", "no"),
        ("Conflicts", "shutdown.target"),
        ("Before", "shutdown.target"),
    ]
    if mount.device.startswith("/dev/"):
        device = unit_name(mount.device)
        unit += [
            ("Requires", f"{device}.device"),
            ("After", f"{device}.device"),
            ("Before", f"systemd-fsck@{device}.service"),
        ]
    else:
        unit += [
            ("Wants", "systemd-udev-trigger.service"),
            ("After", "systemd-udev-trigger.service systemd-udevd.service"),
        ]
    service = [
        ("Type", "oneshot"),
        ("RemainAfterExit", "yes"),
        ("ExecStart", command(_command(mount))),
        ("StandardError", "journal+console"),
    ]
    return unit_file("mounts", ("Unit", unit), ("Service", service))


def _openrc(wanted: Mapping[str, DeviceMount]) -> str:
    calls = "".join(f"\t{shlex.join(_command(mount))} || :\n" for _, mount in sorted(wanted.items()))
    return (
        "#!/sbin/openrc-run\n# By Claylinux, from the key `mounts`.\ndescription='New file systems on empty disks'\n\n"
        "depend() {\n\tneed dev\n\tafter modules\n\tbefore fsck localmount\n}\n\n"
        f"start() {{\n\tebegin 'Making file systems on empty disks'\n{calls}\teend 0\n}}\n"
    )
