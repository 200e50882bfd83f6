"""Signed images on firmware with Secure Boot: all outputs boot to the login, and nothing else is started.

The keys are made for the test. The firmware has Secure Boot on and knows one certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from localvm.machine import Drive, Machine
from tests.campaigns import flipped_bits
from tests.support.engine import Engine
from tests.support.secure_boot import enroll, make_signer
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

TEXT = """\
# syntax=claylinux/frontend
name: signed
base: debian-cloud
hostname: signed
users: [{name: root, password: ""}]
kernel: {cmdline: "console=ttyS0 quiet"}
secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}
outputs: [raw, iso, efi]
"""
STATE = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


@dataclass(frozen=True)
class Signed:
    """The outputs of one build, and variables of firmware that trusts the key that signed them."""

    out: Path
    variables: Path


@pytest.fixture(scope="module")
def signed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    project = tmp_path_factory.mktemp("signed")
    signer = make_signer(project)
    (project / "claylinux.yaml").write_text(TEXT)
    engine.buildx(project, f"--secret=id=db.key,src={signer.key}", output=project / "out").check()
    variables = enroll(project / "variables.fd", signer, make_signer(project, "platform"))
    return Signed(project / "out", variables)


@pytest.mark.parametrize(
    ("name", "bus"),
    [("signed.img", "virtio"), ("signed.iso", "cdrom"), ("signed.efi", "")],
    ids=["raw", "iso", "efi"],
)
def test_a_signed_output_boots_to_a_login(signed: Signed, name: str, bus: str) -> None:
    image = signed.out / name
    machine = Machine(variables=signed.variables, memory_mib=1536)
    how = {"drives": (Drive(path=image, bus=bus),)} if bus else {"kernel": image}
    with boot(replace(machine, **how)) as console:
        console.expect(r"^signed login: ", 240)
        console.send("root\n")
        console.expect(r"# $", 60)
        console.send(f"echo secure-boot=$(od -An -tu1 -j4 -N1 {STATE} | tr -d ' ')\n")
        console.expect(r"^secure-boot=1$", 60)
        console.send("poweroff\n")
        assert console.wait_off(90) == 0


def test_only_what_is_signed_and_whole_is_started(
    engine: Engine, busybox: Path, debian_kernel: Path, tmp_path: Path
) -> None:
    """The short form of the campaign. One machine tries disk after disk: only the last one is started."""
    lab = flipped_bits.laboratory(engine, tmp_path, busybox, debian_kernel)
    refused = [
        lab.build(tmp_path / "unsigned", None),
        lab.build(tmp_path / "of-another", make_signer(tmp_path, "other")),
    ]
    good = lab.build(tmp_path / "good", lab.signer)
    random = Random(0)
    for part in ("headers", ".text", ".cmdline", ".initrd", ".linux", "signature"):
        refused.append(flipped_bits.flip(good, part, random, tmp_path / f"flipped{part}.img"))
    assert flipped_bits.try_all(refused, good, lab.variables) == ["Access Denied"] * len(refused)
