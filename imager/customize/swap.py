"""Swap space: lines of /etc/fstab for devices, and a program for compressed memory, which a service of the plan starts.

It needs only the module zram of the kernel, and programs that Debian and Alpine have.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs import fstab, initsystem
from imager.rootfs.installed import has_program
from imager.rootfs.root import Root
from imager.rootfs.text import lines, read, write
from spec.swap import ZRAM_PROGRAM, DeviceSwap, ZramSwap

if TYPE_CHECKING:
    from imager.requests.mounts import Swap

_PROGRAMS = {"mkswap": "util-linux", "swapon": "mount or util-linux", "modprobe": "kmod"}
"""What the program starts, and the package that has it."""
_SCRIPT = """\
#!/bin/sh
# By Claylinux, from the key `swap`: make swap space in compressed memory.
# usage: zram-swap SIZE|PERCENT% [ALGORITHM]
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
size=$1
case $size in *%)
  while read -r name value _; do
    [ "$name" != MemTotal: ] || size=$((value * ${1%\\%} / 100))K
  done < /proc/meminfo ;;
esac
[ -e /sys/class/zram-control ] || modprobe zram num_devices=0
number=$(cat /sys/class/zram-control/hot_add)
[ -z "${2:-}" ] || echo "$2" > "/sys/block/zram$number/comp_algorithm"
echo "$size" > "/sys/block/zram$number/disksize"
mkswap "/dev/zram$number" > /dev/null
# Before any disk.
swapon -p 100 "/dev/zram$number"
"""


def run(request: Swap) -> None:
    """Write what makes the swap space at boot. Raises ImagerError for programs that are missing."""
    root = Root(Path(request.system))
    initsystem.need(root, "swap")
    devices = {each.device: each for each in request.swap if isinstance(each, DeviceSwap)}
    if devices:
        parsed = [(line, fstab.parse(line)) for line in lines(read(root, fstab.PATH))]
        old = [line for line, known in parsed if known is None or known.device not in devices]
        text = "".join(f"{line}\n" for line in (*old, *map(_line, devices.values())))
        write(root, fstab.PATH, text, request.epoch)
    if any(isinstance(each, ZramSwap) for each in request.swap):
        for program, package in _PROGRAMS.items():
            if not has_program(root, program):
                raise ImagerError(f"swap: `zram` needs {program}: add {package} to `packages`")
        write(root, ZRAM_PROGRAM, _SCRIPT, request.epoch, 0o755)


def _line(swap: DeviceSwap) -> str:
    options = ("sw", *(fstab.NOT_WAITED_FOR if swap.optional else ()))
    return fstab.format_line(swap.device, "none", "swap", ",".join(options), "0", "0")
