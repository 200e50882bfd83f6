"""Thirty versions, one after the other, on the FAT of one disk: neither space nor time grows.

The machine is busybox and Debian's openssl, with the command `claylinux` and its parts as they are. Its versions are
made of random bytes, and it never starts them: it says that each is good, and calls itself by its name.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import pytest

from localvm.machine import Drive
from tests.support.guest import Builder
from tests.support.guest_programs import GUEST, MIB
from tests.support.update_guest import Keys, Version
from tests.support.vm import boot, debian_package, newest_kernel, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.long]

LAST = 31
SETTLED = 3
"""From this version on, UPDATES has the one that runs and the one before."""
SECONDS = 900
MODULES = (
    *(
        f"virtio/{name}"
        for name in ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci")
    ),
    *("block/virtio_blk", "nls_cp437", "nls_iso8859-1", "nls_ascii", "nls_utf8", "fat", "vfat"),
)
LIBRARIES = {"libc6": ("libc.so.6", "ld-linux-x86-64.so.2"), "libssl3": ("libssl.so.3", "libcrypto.so.3")}
PLACES = "find_places() { esp_node=/dev/vda updates_node=/dev/vdb; }\nflock() { :; }\n"
"""Disks without tables, and nobody else. Debian's static busybox has no flock."""
INIT = """\
#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /run
for each in $(cat /modules/order); do insmod "/modules/$each"; done
now() { cut -d ' ' -f 1 /proc/uptime; }
version=1
while [ -d "/shop/$((version + 1))" ]; do
  version=$((version + 1)) begin=$(now)
  said=$(claylinux update --from "/shop/$version" 2>&1) || break
  end=$(now)
  mount -t vfat /dev/vdb /mnt || break
  mv "/mnt/EFI/Linux/web_$version+3.efi" "/mnt/EFI/Linux/web_$version.efi" || break
  echo "round=$version free=$(df -k /mnt | awk 'NR == 2 { print $4 }') files=$(find /mnt -type f | wc -l) $begin $end"
  umount /mnt || break
  printf 'IMAGE_ID=web\\nIMAGE_VERSION=%s\\n' "$version" >/etc/os-release
done
echo "rounds-end=$((40 + 2)) $said"
poweroff -f
"""
ROUND = re.compile(r"^round=(\d+) free=(\d+) files=(\d+) (\S+) (\S+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Round:
    """What UPDATES has behind an update: KiB that are free, and files; and the seconds that it took."""

    version: int
    free: int
    files: int
    seconds: float


def version(number: int) -> Version:
    """Return a version of 12 MiB, of which 32 kB are its own."""
    own, common = random.Random(number), random.Random(0).randbytes(12 * MIB)
    return Version(str(number), (own.randbytes(2000), 4096, common, own.randbytes(30_000)))


def test_thirty_versions_in_a_row(builder: Builder, keys: tuple[Keys, Keys], tmp_path: Path) -> None:
    require_tool("mkfs.fat", "fsck.fat", "mcopy")
    system = builder.system({"sbin/init": INIT, "etc/os-release": "IMAGE_ID=web\nIMAGE_VERSION=1\n"})
    (system / "modules").mkdir()
    add_programs(system)
    add_updates(system, keys[0])
    version(1).put(tmp_path / "esp", keys[0])
    esp, updates = fat(tmp_path / "esp.img", 32, tmp_path / "esp"), fat(tmp_path / "updates.img", 64)
    drives = (Drive(path=esp), Drive(path=updates, keep=True))
    with boot(replace(builder.machine(), drives=drives, memory_mib=512)) as console:
        console.expect(r"^rounds-end=42 .*", SECONDS)
        assert console.wait_off(60) == 0
    rounds = [Round(int(a), int(b), int(c), float(e) - float(d)) for a, b, c, d, e in ROUND.findall(console.text)]
    for each in rounds:
        print(each)
    assert [each.version for each in rounds] == list(range(2, LAST + 1))
    settled = [each for each in rounds if each.version >= SETTLED]
    assert {each.files for each in settled} == {2 * 3 + 1}
    assert len({each.free for each in settled}) == 1
    early, late = ([each.seconds for each in some] for some in (settled[:10], settled[-10:]))
    print("median seconds of the first and the last ten:", median(early), median(late))
    assert median(late) < 1.5 * median(early)
    checked = subprocess.run(["fsck.fat", "-nv", updates], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    copy: list[str | Path] = ["mcopy", "-n", "-i", updates, f"::/EFI/Linux/web_{LAST}.efi", tmp_path / "last"]
    subprocess.run(copy, check=True)
    assert (tmp_path / "last").read_bytes() == version(LAST).content


def add_programs(system: Path) -> None:
    """Add modules, openssl, and what is in a machine with the key `update`."""
    for name, path in drivers():
        shutil.copy(path, system / "modules" / name)
    (system / "modules/order").write_text("".join(f"{name}\n" for name, _ in drivers()))
    for package, names in LIBRARIES.items():
        for name in names:
            (found,) = (path for path in debian_package(package).rglob(name) if path.parent.name != "lib64")
            (system / "lib/x86_64-linux-gnu").mkdir(parents=True, exist_ok=True)
            shutil.copy(found, system / "lib/x86_64-linux-gnu")
    (system / "lib64").symlink_to("lib/x86_64-linux-gnu")
    shutil.copy(debian_package("openssl") / "usr/bin/openssl", system / "bin")
    shutil.copy(debian_package("dosfstools") / "sbin/fsck.fat", system / "bin/fsck.vfat")
    shutil.copy(GUEST / "claylinux", system / "bin")
    shutil.copytree(GUEST, system / "usr/lib/claylinux", ignore=shutil.ignore_patterns("units", "install"))


def drivers() -> Iterator[tuple[str, Path]]:
    """Yield the modules in their order."""
    package = debian_package(newest_kernel())
    for name in MODULES:
        (path,) = package.rglob(f"{name}.ko")
        yield path.name, path


def add_updates(system: Path, key: Keys) -> None:
    """Add versions from 2 on, without the piece that all have, and settings."""
    for number in range(2, LAST + 1):
        new, place = version(number), system / f"shop/{number}"
        new.publish(place, key)
        for digest, content in new.pieces.items():
            if len(content) > MIB:
                (place / "pieces" / digest).unlink()
    shutil.copy(key.public, system / "usr/lib/claylinux/update.pem")
    words = ("update_from", "update_channel", "update_ca", "update_proxy", "update_login", "update_rate")
    (system / "usr/lib/claylinux/update.conf").write_text("".join(f"{word}=''\n" for word in words))
    (system / "usr/lib/claylinux/update/zz.sh").write_text(PLACES)


def fat(image: Path, size: int, content: Path | None = None) -> Path:
    """Make a file system of so many MiB, with the content of a directory."""
    with image.open("wb") as file:
        file.truncate(size * MIB)
    subprocess.run(["mkfs.fat", "-F", "32" if content is None else "16", image], check=True, capture_output=True)
    if content is not None:
        subprocess.run(["mcopy", "-s", "-i", image, *sorted(content.iterdir()), "::/"], check=True)
    return image
