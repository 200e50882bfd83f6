"""A system on the disk with Alpine, on arm64, with Secure Boot. In CI, test_disk.py has amd64 without firmware."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.answers import ask
from tests.support.engine import Engine
from tests.support.flipped import flip
from tests.support.secure_boot import enroll, make_signer
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

LOGIN_SECONDS = 900
DATA = Random(5).randbytes(300_000)
"""Content that does not shrink, so that it can be found on the disk."""
TEXT = """\
# syntax=claylinux/frontend
name: kept
base: {base}
hostname: kept
users: [{{name: root, password: ""}}]
kernel: {{cmdline: "console={console}"}}
files: {{/opt/data: {{source: data}}}}
rootfs: {{source: disk{more}}}
outputs: [raw]
"""
SIGNED = "secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}\n"


def project(directory: Path, base: str, *, console: str = "ttyS0", more: str = "") -> Path:
    """Return a project with a system on the disk that has `DATA`."""
    (directory / "data").write_bytes(DATA)
    (directory / "claylinux.yaml").write_text(TEXT.format(base=base, console=console, more=more))
    return directory


def refuses(machine: Machine, *, copied: bool = False, signed: bool = False) -> None:
    """Boot a system in whose file a bit is wrong: that cannot be read, and all else can."""
    with boot(machine, layers_on_disk=not copied) as console:
        if copied:
            console.expect(r"cannot copy layer \d to memory: it is damaged", LOGIN_SECONDS)
            return
        console.expect(r"^kept login: ", LOGIN_SECONDS)
        console.send("root\n")
        console.expect(r"# $", 120)
        ask(console, "dmesg -n 1")  # what the kernel says would be in the answers
        assert ask(console, "cat /opt/data >/dev/null 2>&1 || echo refused").split() == ["refused"]
        assert ask(console, "dmesg | grep -q 'is corrupted' && echo told").split() == ["told"]
        assert ask(console, "cut -d' ' -f3 /proc/mounts | grep -cx overlay").split() == ["1"]
        assert ask(console, "ls -d /sys/block/dm-* | wc -l").split() != ["0"]
        if signed:
            assert ask(console, "grep -c '.integrity.' /sys/kernel/security/lockdown").split() == ["1"]
        console.send("poweroff\n")
        assert console.wait_off(180) == 0


def test_alpine(alpine: Alpine, tmp_path: Path) -> None:
    image = tmp_path / "out/kept.img"
    alpine.build(project(tmp_path, "alpine-virt"), output=tmp_path / "out").check()
    flip(image, DATA[100_000:100_064])
    refuses(Machine(drives=(Drive(path=image),), memory_mib=512))


def test_alpine_copied_to_memory_and_unplugged(alpine: Alpine, tmp_path: Path) -> None:
    """Whole, it lets the disk go; with a wrong bit it does not start."""
    image = tmp_path / "out/kept.img"
    alpine.build(project(tmp_path, "alpine-virt", more=", copy: true"), output=tmp_path / "out").check()
    machine = Machine(drives=(Drive(path=image),), memory_mib=512)
    with boot(machine) as console:
        console.expect(r"^kept login: ", LOGIN_SECONDS)
        console.send("root\n")
        console.expect(r"# $", 120)
        driver = "/sys/bus/virtio/drivers/virtio_blk"
        ask(console, f"for each in {driver}/virtio*; do echo ${{each##*/}} >{driver}/unbind; done")
        assert ask(console, "ls /sys/block | grep -c '^[vd][dm]'").split() == ["0"]
        assert ask(console, "wc -c </opt/data").split() == [str(len(DATA))]
        assert ask(console, "cksum /bin/* >/dev/null && echo ok").split() == ["ok"]
        console.send("poweroff\n")
        assert console.wait_off(180) == 0
    flip(image, DATA[100_000:100_064])
    refuses(machine, copied=True)


def test_arm64(alpine_arm64: Alpine, tmp_path: Path) -> None:
    image = tmp_path / "out/kept.img"
    alpine_arm64.build(project(tmp_path, "alpine-virt", console="ttyAMA0"), output=tmp_path / "out").check()
    flip(image, DATA[100_000:100_064])
    refuses(Machine(architecture="arm64", drives=(Drive(path=image),), memory_mib=512))


def test_secure_boot(engine: Engine, tmp_path: Path) -> None:
    """The signature is that of the program, which has the hashes of all else."""
    signer = make_signer(tmp_path)
    file = project(tmp_path, "debian-cloud") / "claylinux.yaml"
    file.write_text(file.read_text() + SIGNED)
    engine.buildx(tmp_path, f"--secret=id=db.key,src={signer.key}", output=tmp_path / "out").check()
    image = tmp_path / "out/kept.img"
    flip(image, DATA[100_000:100_064])
    variables = enroll(tmp_path / "variables.fd", signer, make_signer(tmp_path, "platform"))
    refuses(Machine(drives=(Drive(path=image),), variables=variables, memory_mib=512), signed=True)
