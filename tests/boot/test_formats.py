"""Every disk format of a small system, in memory or on the disk, booted through OVMF; the system prints the token."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from imager.commands import perform
from imager.requests.outputs import BY_FORMAT
from imager.requests.packing import Initramfs, Layer, Uki
from localvm.machine import Drive, Machine
from spec.formats import FORMATS
from tests.support.guest import Builder
from tests.support.vm import boot, debian_file

pytestmark = pytest.mark.boot

INIT = """\
#!/bin/sh
busybox mount -t proc proc /proc
echo "root $(grep " / " /proc/mounts | busybox tail -n1 | cut -d" " -f3)"
echo "token $((6*7))"
exec busybox poweroff -f
"""
OVERLAY, TMPFS, DISK = "overlay", "tmpfs", "disk"


@dataclass(frozen=True)
class Case:
    """A test of a format: QEMU's name for it; a bus, so that the cases cover all; the mode; and more options."""

    qemu: str
    bus: str
    mode: str = OVERLAY
    options: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "raw": Case("raw", "sata", TMPFS),
    "iso": Case("raw", "scsi-cdrom", DISK),
    "qcow2": Case("qcow2", "nvme"),
    "qcow2-compressed": Case("qcow2", "virtio", options={"compress": True}),
    "vmdk": Case("vmdk", "virtio"),
    "vmdk-sparse": Case("vmdk", "virtio", options={"subformat": "monolithicSparse"}),
    "vhdx": Case("vhdx", "scsi", DISK),
    "vhd": Case("vpc", "virtio"),
    "vdi": Case("vdi", "usb"),
}


@dataclass(frozen=True)
class Ukis:
    """Makes unified kernel images of a system that prints the token and powers off."""

    builder: Builder
    modules: Path
    disk_modules: Path

    def make(self, mode: str) -> Path:
        """Return an image whose system checks and prints that its root matches `mode`."""
        builder = self.builder
        version = builder.kernel.name.removeprefix("vmlinuz-")
        system = builder.system({"sbin/init": INIT})
        shutil.copytree((self.disk_modules if mode == DISK else self.modules) / "lib", system / "lib")
        (system / "boot").mkdir()
        shutil.copy(builder.kernel, system / "boot")
        segment = builder.directory / "segment"
        common: dict[str, Any] = {"system": str(system), "output": str(segment), "compression": "zstd:1", "epoch": 0}
        layers, on_disk = mode != TMPFS, mode == DISK
        perform(Layer(verified=on_disk, **common) if layers else Initramfs(init=str(builder.init), **common))
        output = builder.directory / "token.json"
        request = Uki(
            system=str(system),
            kernel_version=version,
            initrd=(str(segment),),
            cmdline="console=ttyS0 quiet no_timer_check",
            stub=str(debian_file("systemd-boot-efi", "./usr/lib/systemd/boot/efi/linuxx64.efi.stub")),
            architecture="amd64",
            output=str(output),
            epoch=0,
            init=str(builder.init) if layers else "",
            layers=int(layers),
            on_disk=on_disk,
        )
        perform(request)
        return output


@pytest.fixture
def ukis(builder: Builder, debian_modules: Path, disk_modules: Path) -> Ukis:
    return Ukis(builder, debian_modules, disk_modules)


def test_every_format_has_its_case() -> None:
    assert {*(name.partition("-")[0] for name in CASES), "efi"} == {*FORMATS}  # efi: test_outputs.py
    assert {case.bus for case in CASES.values()} == {"sata", "scsi-cdrom", "nvme", "virtio", "scsi", "usb"}


@pytest.mark.engine
@pytest.mark.usefixtures("image_programs")
@pytest.mark.parametrize("name", sorted(CASES))
def test_boots(ukis: Ukis, name: str) -> None:
    case = CASES[name]
    uki = ukis.make(case.mode)
    kind = name.partition("-")[0]
    image = uki.with_suffix(f".{kind}")
    make = BY_FORMAT[kind]
    perform(make(uki=str(uki), output=str(image), architecture="amd64", epoch=0, **case.options))
    machine = Machine(drives=(Drive(path=image, bus=case.bus, format=case.qemu),), memory_mib=512)
    with boot(machine) as console:
        root = console.expect(r"^root (\w+)\n", 90)[1]
        assert (root == "overlay") is (case.mode != TMPFS)
        console.expect(r"^token 42\n", 30)
        assert console.wait_off(30) == 0
