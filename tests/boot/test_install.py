"""A stick and a CD install themselves, signed and unasked; the disk boots alone, and copies itself by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.engine import REPOSITORY, Engine
from tests.support.installed import check
from tests.support.secure_boot import Signer, enroll, make_signer
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

CONTEXT = REPOSITORY / "tests/boot/install"
MIB = 1 << 20


def project(place: Path) -> Signer:
    """Make the build context with a key."""
    place.mkdir()
    for file in CONTEXT.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return make_signer(place)


def firmware(place: Path, signer: Signer) -> Path:
    return enroll(place / "variables.fd", signer, make_signer(place, "platform"))


def test_a_stick_of_debian(engine: Engine, tmp_path: Path) -> None:
    signer = project(tmp_path / "context")
    out = tmp_path / "out"
    engine.buildx(tmp_path / "context", f"--secret=id=db.key,src={signer.key}", "--target=raw", output=out).check()
    variables, stick = firmware(tmp_path, signer), out / "installer.img"
    disk = install(Drive(path=stick), tmp_path / "disk.img", variables)
    check(disk, stick)
    second = alone(disk, tmp_path / "second.img", variables)
    check(second, stick)


def test_a_cd_of_alpine(alpine_official: Alpine, tmp_path: Path) -> None:
    signer = project(tmp_path / "context")
    secret = f"--secret=id=db.key,src={signer.key}"
    out = tmp_path / "out"
    alpine_official.build(
        tmp_path / "context", "--build-arg=BASE=alpine-virt", secret, "--target=iso", output=out
    ).check()
    variables, medium = firmware(tmp_path, signer), out / "installer.iso"
    disk = install(Drive(path=medium, bus="scsi-cdrom"), tmp_path / "disk.img", variables)
    check(disk, medium)
    check(alone(disk, tmp_path / "second.img", variables), medium)


def install(medium: Drive, disk: Path, variables: Path) -> Path:
    """Boot the medium beside an empty disk, until it has turned the machine off."""
    empty(disk, 2 * medium.path.stat().st_size + 100 * MIB)
    drives = (medium, Drive(path=disk, keep=True))
    with boot(Machine(drives=drives, variables=variables, memory_mib=1280)) as console:
        console.expect(r"claylinux: install: looking for the disk to install on: empty", 300)
        console.expect(r"claylinux: install: Copied 100 % of", 120)
        console.expect(r"claylinux: install: /dev/vd. has the system: remove the medium", 120)
        assert console.wait_off(120) == 0
        assert "claylinux: state" not in console.text
    return disk


def alone(disk: Path, second: Path, variables: Path) -> Path:
    """Boot the disk with a further one, to which the guest copies itself by hand."""
    empty(second, disk.stat().st_size)
    drives = (Drive(path=disk, keep=True), Drive(path=second, keep=True))
    with boot(Machine(drives=drives, variables=variables, memory_mib=1280)) as console:
        start = console.expect(r"^report-begin=42\s*$", 300).end()
        end = console.expect(r"^report-end=43", 60).start()
        text = console.text[start:end].replace("\r", "")
        assert console.wait_off(120) == 0
    assert "\nboot=/dev/vda1 on\n" in text
    assert re.search(r"^state=State +/dev/vda2, ext4, ", text, re.MULTILINE)
    assert "\ntold=0\n" in text  # it does not install itself again
    assert "\ncode=0\n" in text
    assert re.search(r"^/dev/vda +\S+ [GM]iB .* the medium with this system$", text, re.MULTILINE)
    assert "holds nothing." in text
    assert "Checked 100 % of" in text
    assert "\ncode2=claylinux: no disk is empty, unused and has " in text
    assert not re.search(r"(?i)error|cannot|broken pipe", text), text
    return second


def empty(disk: Path, size: int) -> None:
    with disk.open("wb") as file:
        file.truncate(size)
