"""Systems for arm64, built on an engine of another architecture and booted with AAVMF to the login on their console."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pefile  # type: ignore[import-untyped]
import pytest

from frontend.distro.registry import PRESETS
from imager import keys
from localvm.machine import Drive, Machine
from tests.campaigns import flipped_bits
from tests.support.alpine import Alpine
from tests.support.answers import ask
from tests.support.engine import Engine
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

DEBIAN = PRESETS["debian"].image_of(None)
BUILD_SECONDS = 3600.0
LOGIN_SECONDS = 600
TEXT = """\
# syntax=claylinux/frontend
name: arm
base: {base}
hostname: arm
users: [{{name: root, password: ""}}]
outputs: [raw, efi{more}]
"""
SIGNED = "secure_boot: {certificate: {source: keys/db.crt}, key: {secret: db.key}, enroll: keys}\n"
BASE = """\
# syntax=claylinux/frontend
base: alpine-virt
files:
  # As of an Alpine that was installed on a disk.
  /etc/fstab: |
    UUID=1-1 / ext4 rw,relatime 0 1
    UUID=1-2 /boot/efi vfat rw 0 2
    UUID=1-3 swap swap defaults 0 0
    UUID=1-4 /var/data ext4 rw,relatime 0 2
    /var/data/www /srv none bind 0 0
    nas:/export /mnt nfs defaults 0 0
"""
SLOW = """\
files:
  # An emulated machine finds its console late: systemd would give it up after 90 seconds.
  /etc/systemd/system.conf.d/slow.conf: "[Manager]\\nDefaultDeviceTimeoutSec=600\\n"
"""
PE_MACHINES = {"amd64": 0x8664, "arm64": 0xAA64}


@pytest.fixture(scope="module")
def debian(engine: Engine, arm64: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs of a Debian; its package steps run emulated."""
    folder = tmp_path_factory.mktemp("debian-arm64")
    (folder / "claylinux.yaml").write_text(TEXT.format(base="debian-cloud", more="") + SLOW)
    build: tuple[str, ...] = ("--platform=linux/arm64",)
    if engine.registry_has(DEBIAN):
        engine.buildx(folder, *build, output=folder / "out", timeout=BUILD_SECONDS).check()
        return folder / "out"
    with engine.stand_in(DEBIAN, "arm64") as base:
        build = (*build, f"--build-context={DEBIAN}=docker-image://{base}")
        engine.buildx(folder, *build, output=folder / "out", timeout=BUILD_SECONDS).check()
    return folder / "out"


@pytest.fixture(scope="module")
def bases(alpine_official: Alpine, alpine_arm64: Alpine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the names of two images start with: a bootable Alpine for each architecture."""
    folder = tmp_path_factory.mktemp("bases")
    (folder / "claylinux.yaml").write_text(BASE)
    prefix = f"claylinux-test/bootable-{os.getpid()}"
    made = {f"{prefix}-{each.platform.removeprefix('linux/')}": each for each in (alpine_official, alpine_arm64)}
    for name, each in made.items():
        each.build(folder, "--target=image", f"--tag={name}").check()
    yield prefix
    alpine_official.engine.docker("rmi", *made)


@pytest.mark.long
@pytest.mark.parametrize("suffix", ["img", "efi"])
def test_debian(debian: Path, suffix: str) -> None:
    logs_in(debian / f"arm.{suffix}", "debian")


def test_both_platforms_at_once(
    engine: Engine, throwaway_engine: Callable[..., Engine], bases: str, tmp_path: Path
) -> None:
    """Each gets a folder of its own; Alpine of arm64 boots from both of its outputs.

    buildx wants an engine with containerd's store for that. The outputs are signed. With the variables that were built
    beside them, the firmware refuses another disk, in which one bit is another one.
    """
    other = throwaway_engine(containerd_store=True)
    engine.give_images(other, tuple(f"{bases}-{architecture}" for architecture in PE_MACHINES))
    text = TEXT.format(base=f'{{image: "{bases}-${{TARGETARCH}}"}}', more=", ovmf-vars")
    (tmp_path / "claylinux.yaml").write_text(text + SIGNED)
    assert keys.main([f"--directory={tmp_path}/keys", "--no-microsoft"]) == 0
    out, key = tmp_path / "out", f"--secret=id=db.key,src={tmp_path}/keys/db.key"
    other.buildx(tmp_path, "--platform=linux/amd64,linux/arm64", key, output=out).check()
    assert sorted(str(path.relative_to(out)) for path in out.rglob("arm.*")) == [
        "linux_amd64/arm.efi",
        "linux_amd64/arm.img",
        "linux_amd64/arm.pcrs.json",
        "linux_amd64/arm.vars.fd",
        "linux_arm64/arm.efi",
        "linux_arm64/arm.img",
        "linux_arm64/arm.pcrs.json",
        "linux_arm64/arm.vars.fd",
    ]
    for architecture, machine in PE_MACHINES.items():
        image = pefile.PE(str(out / f"linux_{architecture}/arm.efi"), fast_load=True)
        assert image.FILE_HEADER.Machine == machine
    logs_in(out / "linux_arm64/arm.efi", "alpine")
    image = out / "linux_arm64/arm.img"
    flipped = flipped_bits.flip(image, ".initrd", Random(0), tmp_path / "flipped.img")
    logs_in(image, "alpine", before=(Drive(path=flipped),), variables=out / "linux_arm64/arm.vars.fd")


def logs_in(image: Path, distribution: str, *, before: tuple[Drive, ...] = (), variables: Path | None = None) -> None:
    """Boot an image, log in where its kernel says that the console is, and turn it off.

    With `variables` the firmware verifies what it starts, and refuses the drives `before` that of the image.
    """
    drives = () if image.suffix == ".efi" else (*before, Drive(path=image))
    kernel = None if drives else image
    with boot(
        Machine(architecture="arm64", drives=drives, kernel=kernel, network=True, variables=variables)
    ) as console:
        console.expect(r"^arm login: ", LOGIN_SECONDS)
        assert console.text.count("Access Denied") == len(before)
        console.send("root\n")
        console.expect(r"# $", 60)
        assert ask(console, "uname -m; cat /proc/consoles | cut -d' ' -f1").split()[:2] == ["aarch64", "ttyAMA0"]
        if distribution == "alpine":
            assert ask(console, "grep -c '^# Claylinux' /etc/fstab").split() == ["2"]
            assert ask(console, "grep -c nofail /etc/fstab").split() == ["4"]
            # The machine has no buttons, which acpid demands.
            assert ask(console, "rc-status -a | grep crashed | grep -vc acpid").split() == ["0"]
        if variables:
            state = ask(console, "(cd /sys/firmware/efi/efivars; od -An -tu1 Secu*)")
            assert state.split() == ["6", "0", "0", "0", "1"]
            assert "Kernel is locked down" in console.text
            assert "claylinux: this image is signed by CN=" in console.text
        assert f"ID={distribution}" in ask(console, "cat /etc/os-release").split()
        console.send("poweroff\n")
        assert console.wait_off(120) == 0
