"""What these steps write has the date of the build, also where the clock of the builder is behind it.

Packing sets back only what is newer. Files of accounts and links of services keep the time at which they were made.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import spec.keyboard
from imager.commands import perform
from imager.request import Request
from imager.requests.mounts import DiskEntries, Mounts, Swap
from imager.requests.network import Network
from imager.requests.region import Keyboard, Locale, TimeZone
from imager.requests.services import Services
from spec.mounts import DeviceMount
from spec.network import Ethernet
from spec.services import ServiceCommand
from spec.swap import DeviceSwap, ZramSwap
from spec.values.types import Share
from tests.support.imager import EPOCH, make_elf

_SYSTEM = {
    "etc/fstab": "UUID=1 /data ext4 defaults 0 2\n",
    "etc/crypttab": "a UUID=2\n",
    "usr/share/zoneinfo/Europe/Berlin": "TZif2",
    "usr/share/bkeymaps/de/de.bmap.gz": "",
    "usr/bin/setupcon": "",
    "bin/app": make_elf().decode("latin-1"),
    "sbin/mkswap": "",
    "sbin/swapon": "",
    "sbin/modprobe": "",
    "sbin/ip": "",
}
_OF = {
    "systemd": ("usr/bin/systemctl", "usr/lib/systemd/systemd-networkd"),
    "openrc": ("sbin/openrc-run", "sbin/ifup", "lib/ld-musl-x86_64.so.1"),
}
_KEYBOARD = spec.keyboard.Keyboard(layout="de", variant=None, model="pc105")


def requests(system: str) -> dict[str, Request]:
    return {
        "zone": TimeZone(system=system, zone="Europe/Berlin", epoch=EPOCH),
        "locale": Locale(system=system, name="C.UTF-8", epoch=EPOCH),
        "keyboard": Keyboard(system=system, keyboard=_KEYBOARD, epoch=EPOCH),
        "mounts": Mounts(system=system, mount={"/srv": DeviceMount(device="/dev/vdb", fstype="ext4")}, epoch=EPOCH),
        "swap": Swap(system=system, swap=(DeviceSwap(device="/dev/vdc"), ZramSwap(zram=Share(50))), epoch=EPOCH),
        "entries": DiskEntries(system=system, epoch=EPOCH),
        "network": Network(system=system, interface={"eth0": Ethernet(dhcp4=True)}, epoch=EPOCH),
        "service": Services(system=system, service={"a": ServiceCommand(command=("/bin/app",))}, epoch=EPOCH),
    }


@pytest.mark.parametrize("init", _OF)
@pytest.mark.parametrize("name", requests(""))
def test_what_is_written_has_the_date_of_the_build(tmp_path: Path, init: str, name: str) -> None:
    for path in (*_SYSTEM, *_OF[init]):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(_SYSTEM.get(path, "").encode("latin-1"))
        (tmp_path / path).chmod(0o755 if "bin" in path else 0o644)
        os.utime(tmp_path / path, (1, 1))
    perform(requests(str(tmp_path))[name])
    files = {path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()}
    dates = {str(path.relative_to(tmp_path)): path.stat().st_mtime for path in files}
    written = {path for path, date in dates.items() if date != 1}
    assert written
    assert {path: dates[path] for path in written} == dict.fromkeys(written, EPOCH)
