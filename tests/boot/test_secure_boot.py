"""Signed images on firmware with Secure Boot: all outputs boot to the login, and nothing else is started.

The keys are made for the test. The firmware has Secure Boot on and knows one certificate. What lies around a signed
program, and what its hypervisor says, has no effect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from localvm.machine import Drive, Machine
from tests.campaigns import flipped_bits
from tests.support.engine import Engine
from tests.support.secure_boot import enroll, make_addon, make_medium, make_signer
from tests.support.vm import boot, said

pytestmark = [pytest.mark.boot, pytest.mark.engine]

TEXT = """\
# syntax=claylinux/frontend
name: signed
base: debian-cloud
hostname: signed
users: [{name: root, password: ""}]
kernel: {cmdline: "console=ttyS0 quiet no_timer_check"}
secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}
outputs: [raw, iso, efi]
"""
CREDENTIAL = "io.systemd.credential:tmpfiles.extra=f /run/by-smbios - - - - x"
BLOB = ("opt/io.systemd.credentials/sysctl.extra", "kernel.domainname=by-fw-cfg")
AROUND = {
    "EFI/BOOT/BOOTX64.EFI.extra.d/tmpfiles.extra.cred": b"f /run/by-disk - - - - x\n",
    "EFI/BOOT/BOOTX64.EFI.extra.d/more.sysext.raw": bytes(4096),
    "EFI/BOOT/BOOTX64.EFI.extra.d/more.confext.raw": bytes(4096),
    "loader/credentials/tmpfiles.extra.cred": b"f /run/by-loader - - - - x\n",
}
ADDON = "EFI/BOOT/BOOTX64.EFI.extra.d/more.addon.efi"
WORDS = "rdinit=/bin/sh noinitrd init=/bin/sh claylinux.on_failure=shell systemd.debug_shell"
STATE = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

CHECKS = (
    (f"od -An -tu1 -j4 -N1 {STATE} | tr -d ' '", "1"),
    ("grep -c '.integrity.' /sys/kernel/security/lockdown", "1"),
    ("grep -c CN=db /run/claylinux/signer.json", "1"),
    # What somebody left for the system is there, and nothing has made anything of it. test_sbom.py shows an unsigned
    # system that does.
    ("cat /sys/firmware/dmi/entries/11-*/raw | grep -ac io.systemd.credential:tmpfiles.extra", "1"),
    ("ls -d /run/by-* /.extra 2>/dev/null | wc -l", "0"),
    ("cat /proc/sys/kernel/domainname", r"\(none\)"),
)
"""Commands for the guest, and what they print."""


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
    [("signed.img", "virtio"), ("signed.iso", "cdrom"), ("signed.efi", "sata")],
    ids=["raw", "iso", "efi"],
)
def test_a_signed_output_boots_to_a_login(signed: Signed, tmp_path: Path, name: str, bus: str) -> None:
    """On machines that tell the guest more than it wants to know."""
    image = signed.out / name
    if name.endswith(".efi"):
        # With the words of the addon, init would stop.
        around = {**AROUND, ADDON: make_addon("clay.addon", tmp_path)}
        image = make_medium(tmp_path / "medium.img", image, around)
    drive, told = Drive(path=image, bus=bus), (CREDENTIAL,)
    machine = Machine(drives=(drive,), variables=signed.variables, memory_mib=1536, oem_strings=told, blobs=(BLOB,))
    with boot(machine) as console:
        console.expect(r"^signed login: ", 240)
        console.send("root\n")
        console.expect(r"# $", 60)
        for command, answer in CHECKS:
            console.send(f"echo answer=$({command})\n")
            console.expect(f"^answer={answer}$", 60)
        console.send("poweroff\n")
        assert console.wait_off(90) == 0
        (line,) = said(console.text)
    assert line.startswith("this image is signed by CN=db (certificate SHA-256 ")


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
    # The program is whole, but its command line is not: the stub appends what SMBIOS says.
    added = (f"io.systemd.stub.kernel-cmdline-extra={WORDS}",)
    with boot(Machine(drives=(Drive(path=good),), variables=lab.variables, oem_strings=added)) as console:
        console.expect('claylinux: the command line is not the signed one: they differ at "rdinit=/bin/sh"', 240)
        console.expect("claylinux: stopped here", 60)
        assert re.search(flipped_bits.TOKEN, console.text, re.MULTILINE) is None
