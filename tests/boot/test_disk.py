"""A system that stays on the disk (`rootfs.source: disk`), without firmware; test_formats.py starts it with one."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from imager.commands import perform
from imager.disk import efi
from imager.requests.outputs import Efi, Raw
from imager.requests.packing import Layer, Uki
from localvm.machine import Drive, Machine
from tests.support.guest import Builder
from tests.support.imager import read_sections
from tests.support.vm import boot, debian_file, said

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.usefixtures("image_programs")]

BOOT_SECONDS = 120.0
BASE, OWN = (random.Random(seed).randbytes(300_000) for seed in (1, 2))
"""Content that does not shrink, so that it can be found on the disk."""
CHECKS = """\
#!/bin/sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
check() { name=$1; shift; echo "check $name=$(eval "$@" 2>/dev/null)"; }
# Somebody pulls out the disk of a system that was copied to memory.
if [ -e /opt/pulled ]; then for device in /sys/bus/virtio/drivers/virtio_blk/virtio*; do
  echo "${device##*/}" >/sys/bus/virtio/drivers/virtio_blk/unbind
done; fi
check disks 'ls -d /sys/block/vd* /sys/block/dm-* | busybox wc -l'
check root 'grep " / " /proc/mounts | busybox tail -n1 | cut -d" " -f3'
check whole 'busybox sha256sum </opt/own | cut -d" " -f1'
check base 'busybox sha256sum </opt/base | cut -d" " -f1'
check damaged 'cat /opt/base >/dev/null || echo refused'
check beside 'busybox dd if=/opt/base bs=4096 skip=64 count=1 | wc -c'
check later 'ls /opt/later'
check holds 'ls /sys/block/dm-0/slaves'
check writable 'echo yes >/opt/base && cat /opt/base'
check hash 'grep -c sha256-.*ssse3 /proc/crypto'
echo "token $((6*7))"
exec busybox poweroff -f
"""


@dataclass(frozen=True)
class Disk:
    """The machine with a disk, and the disk."""

    machine: Machine
    image: Path

    def flip(self, data: bytes) -> None:
        """Change one bit of the disk, in the middle of `data`, which is there once."""
        content = bytearray(self.image.read_bytes())
        assert content.count(data) == 1
        content[content.index(data) + len(data) // 2] ^= 1
        self.image.write_bytes(content)


@pytest.fixture
def disk(builder: Builder, disk_modules: Path) -> Disk:
    """Return a disk with two layers: the second one adds a file, and removes one."""
    return make(builder, disk_modules)


@pytest.fixture
def copied(builder: Builder, disk_modules: Path) -> Disk:
    """Return the same for a system that init copies to memory."""
    return make(builder, disk_modules, copied=True)


def make(builder: Builder, disk_modules: Path, *, copied: bool = False) -> Disk:
    """Return the disk. A `copied` system pulls it out before it reads the rest."""
    lower = builder.system({"sbin/init": CHECKS, "opt/base": BASE, "opt/later": "x"})
    upper = builder.directory / "upper"
    shutil.copytree(lower, upper, symlinks=True)
    (upper / "opt/own").write_bytes(OWN)
    (upper / "opt/later").unlink()
    if copied:
        (upper / "opt/pulled").touch()
    shutil.copytree(disk_modules / "lib", upper / "lib")
    (upper / "boot").mkdir()
    shutil.copy(builder.kernel, upper / "boot")
    place = {name: str(builder.directory / name) for name in ("one", "two", "uki.json", "out.efi", "out.img")}
    common: dict[str, Any] = {"compression": "zstd:1", "epoch": 0, "verified": True}
    facts = f"{place['one']}.json"
    perform(Layer(system=str(lower), output=place["one"], facts=facts, more=True, **common))
    perform(Layer(system=str(upper), output=place["two"], below=str(lower), lower=(facts,), number=1, **common))
    uki = Uki(
        system=str(upper),
        kernel_version=builder.kernel.name.removeprefix("vmlinuz-"),
        initrd=(place["one"], place["two"]),
        cmdline="quiet",
        stub=str(debian_file("systemd-boot-efi", "./usr/lib/systemd/boot/efi/linuxx64.efi.stub")),
        architecture="amd64",
        output=place["uki.json"],
        epoch=0,
        init=str(builder.init),
        layers=2,
        on_disk=True,
        copied=copied,
    )
    perform(uki)
    perform(Raw(uki=uki.output, output=place["out.img"], architecture="amd64", epoch=0))
    efi.run(Efi(uki=uki.output, output=place["out.efi"], architecture="amd64", epoch=0))
    initrd = builder.directory / "initrd"
    initrd.write_bytes(read_sections(Path(place["out.efi"]).read_bytes())[".initrd"][2])
    image = Path(place["out.img"])
    append = "console=ttyS0 quiet no_timer_check rootfstype=ramfs claylinux.on_failure=poweroff"
    return Disk(
        Machine(
            kernel=builder.kernel,
            initrd=initrd,
            append=append,
            firmware=False,
            memory_mib=256,
            drives=(Drive(path=image),),
        ),
        image,
    )


def test_a_flipped_bit_of_a_file_is_an_error_where_it_is_read(disk: Disk) -> None:
    """All else of the system works, and other partitions of the disk can be used."""
    disk.flip(BASE[100_000:100_064])
    with boot(disk.machine) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert "token 42\n" in text, text
    assert dict(re.findall(r"^check (\w+)=(.*)$", text, re.MULTILINE)) == {
        "disks": "5",
        "root": "overlay",
        "whole": hashlib.sha256(OWN).hexdigest(),
        "base": "",
        "damaged": "refused",
        "beside": "4096",
        "later": "",
        "holds": "vda2",
        "writable": "yes",
        "hash": "1",
    }
    assert re.search(r"device-mapper: verity: \S+: data block \d+ is corrupted", text), text
    assert said(text) == []


def test_a_flipped_bit_of_the_file_system_stops_the_boot(disk: Disk) -> None:
    """Of the first block, which every boot reads."""
    disk.flip(disk.image.with_name("one").read_bytes()[:96])
    with boot(disk.machine) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert said(text)[0].startswith("cannot mount layer 0: it is damaged"), text
    assert "token" not in text


def test_a_copied_system_needs_its_disk_no_more(copied: Disk) -> None:
    """Nothing holds it: it can be pulled out, and all that was never read before is there."""
    with boot(copied.machine) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert "token 42\n" in text, text
    found = dict(re.findall(r"^check (\w+)=(.*)$", text, re.MULTILINE))
    assert (found["disks"], found["root"], found["damaged"]) == ("0", "overlay", "")
    assert [found["base"], found["whole"]] == [hashlib.sha256(each).hexdigest() for each in (BASE, OWN)]
    assert said(text) == []


def test_a_flipped_bit_anywhere_stops_the_boot_of_a_copied_system(copied: Disk) -> None:
    """Also one of a file that nobody would have read. With too little memory, that is what init says."""
    small = replace(copied.machine, memory_mib=96)
    with boot(small) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert re.match(r"too little memory to copy the system there: the next layer has \d+ MiB", said(text)[0]), text
    copied.flip(OWN[100_000:100_064])
    with boot(copied.machine) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert said(text)[0].startswith("cannot copy layer 1 to memory: it is damaged"), text
    assert "token" not in text
