"""Every disk format of a small system, booted through OVMF; the system itself prints the token."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imager import contract
from imager.request import Request
from localvm.machine import Drive, Machine
from tests.boot.test_init import Builder, builder  # noqa: F401 - a fixture
from tests.support.engine import REPOSITORY
from tests.support.vm import boot, debian_file

pytestmark = pytest.mark.boot

INIT = '#!/bin/sh\necho "token $((6*7))"\nexec busybox poweroff -f\n'
FORMATS = {
    "raw": ("raw", "sata"),
    "iso": ("raw", "scsi-cdrom"),
    "qcow2": ("qcow2", "nvme"),
    "vmdk": ("vmdk", "virtio"),
    "vhdx": ("vhdx", "scsi"),
    "vhd": ("vpc", "virtio"),
    "vdi": ("vdi", "usb"),
}
"""Each format by QEMU's name for it, and a bus: so that every bus is tried once, too."""


def imager(request: Request) -> None:
    subprocess.run([sys.executable, "-m", "imager", *request.argv()], cwd=REPOSITORY, check=True, timeout=60)


@pytest.fixture
def uki(builder: Builder) -> Path:  # noqa: F811
    """A unified kernel image of a system that prints the token and powers off."""
    system = builder.system({"sbin/init": INIT})
    (system / "boot").mkdir()
    version = builder.kernel.name.removeprefix("vmlinuz-")
    (system / "boot" / builder.kernel.name).write_bytes(builder.kernel.read_bytes())
    initrd = builder.machine().initrd
    stub = debian_file("systemd-boot-efi", "./usr/lib/systemd/boot/efi/linuxx64.efi.stub")
    output = builder.folder / "token.efi"
    request = contract.Uki(
        system=str(system),
        kernel_version=version,
        initrd=(str(initrd),),
        cmdline="console=ttyS0 quiet",
        stub=str(stub),
        architecture="amd64",
        output=str(output),
        epoch=0,
    )
    imager(request)
    return output


def test_every_format_has_its_case() -> None:
    assert sorted([*FORMATS, "efi"]) == sorted(contract.FORMATS)  # efi: tests/boot/test_outputs.py


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_boots(uki: Path, name: str) -> None:
    image = uki.with_suffix(f".{name}")
    make = contract.FORMATS[name].request
    assert make is not None
    imager(make(uki=str(uki), output=str(image), architecture="amd64", epoch=0))
    qemu_format, bus = FORMATS[name]
    machine = Machine(drives=(Drive(path=image, bus=bus, format=qemu_format),), memory_mib=512)
    with boot(machine) as console:
        console.expect(r"^token 42$", 90)
        assert console.wait_off(30) == 0
