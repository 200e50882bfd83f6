"""The disk of a system that updates itself: it boots through the boot manager, with Secure Boot on, and stays as it is.

So it does when it has fetched the next version from a registry, and runs that. All that it writes is recorded, for the
short form of the campaign `update_cuts`. `test_update.py` and `test_update_refused.py` are about bad versions.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from localvm.console import Console
from localvm.machine import Drive, Machine
from tests.campaigns import update_cuts
from tests.campaigns.running import Tally
from tests.support import partitions
from tests.support.engine import Engine
from tests.support.registry import Registry
from tests.support.secure_boot import enroll, make_signer
from tests.support.vm import boot, require_tool
from tests.support.write_log import Recording

pytestmark = [pytest.mark.boot, pytest.mark.engine]

TEXT = """\
# syntax=claylinux/frontend
name: web
version: "${VERSION}"
args: {VERSION: 1.4.0-rc1, FROM: "oci+http://10.0.2.2:5000/web"}
base: debian-cloud
hostname: web
users: [{name: root, password: ""}]
kernel: {cmdline: "console=ttyS0 quiet no_timer_check"}
network: {ethernets: {lan: {match: {name: "e*"}, dhcp4: true}}}
update: {from: "${FROM}", every: never}
secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}
outputs: [raw, iso]
"""
LOADER, GLOBAL = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "8be4df61-93ca-11d2-aa0d-00e098032b8c"
UKI = r"web_1\.4\.0-rc1\.efi"
WIRE = 200_000
"""Bytes that one changed line may cost, over the network."""


def variable(name: str, vendor: str = LOADER) -> str:
    """Return a command that prints a text among the variables of the firmware."""
    return f"cat /sys/firmware/efi/efivars/{name}-{vendor} | tail -c +5 | tr -d '\\0'"


CHECKS = (
    (f"od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-{GLOBAL} | tr -d ' '", "1"),
    # From 258 on it comes back from a file that is damaged.
    (variable("LoaderInfo"), r"systemd-boot (25[89]|2[6-9]\d)\b.*"),
    (variable("LoaderEntrySelected"), UKI),
    # The installed version is not on trial.
    ("ls /sys/firmware/efi/efivars/ | grep -c LoaderBootCountPath", "0"),
    ("grep -c 'panic=30 claylinux.on_failure=reboot console=ttyS0 quiet.*-- *$' /proc/cmdline", "1"),
    (". /etc/os-release; echo $IMAGE_ID $IMAGE_VERSION", r"web 1\.4\.0-rc1"),
    ("systemctl show -P RuntimeWatchdogUSec", "30s"),
    ("systemctl start claylinux-watchdog; systemctl is-active claylinux-watchdog", "active"),
    ("readlink /run/claylinux/watchdog", r"/dev/watchdog\d"),
    ("grep -l ^active /sys/class/watchdog/*/state | wc -l", "1"),
)  # fmt: skip
ON_DISK = (
    ("mkdir -p /mnt/a /mnt/b; mount -o ro LABEL=CLAYLINUX /mnt/a && ls /mnt/a/EFI/Linux", UKI),
    (
        "openssl dgst -sha256 -verify /usr/lib/claylinux/update.pem -signature /mnt/a/claylinux/*.sig "
        "/mnt/a/claylinux/*.pieces",
        "Verified OK",
    ),
    (
        "sha256sum </mnt/a/EFI/Linux/*.efi | cut -c-64 | cmp - <(sed -n 's/^sha256 //p' /mnt/a/claylinux/*.pieces) "
        "&& echo same",
        "same",
    ),
    ("mount LABEL=UPDATES /mnt/b && ls /mnt/b | wc -l; umount /mnt/b", "0"),
)
UPDATE = (
    ("claylinux update --check | sed 's/ and.*//'", r"web 1\.4\.1 is there,"),
    (
        "claylinux update | sed -n 's/ copied.*//p'",
        r"web 1\.4\.1 starts at the next reboot \((?P<fetched>\d+) bytes fetched, (?P<copied>\d+)",
    ),
)
AFTERWARDS = (
    (". /etc/os-release; echo $IMAGE_VERSION", r"1\.4\.1"),
    # Its trial ends when the boot has.
    (
        "until claylinux status --json | grep '\"tries_left\": null' >/dev/null; do sleep 1; done; ls /run/claylinux",
        ".*",
    ),
    ("claylinux status | sed -n 's/^Entry  *//p'", r"updates:/EFI/Linux/web_1\.4\.1\.efi"),
    ("claylinux status | sed -n 's/^Update  *//p' | cut -d '(' -f 1", "1.4.1: good: it came up, and is well"),
    ("claylinux update", r"web 1\.4\.1 is what runs already"),
)
"""Commands for the guest, and what they print."""


@pytest.mark.parametrize(
    "name", [pytest.param("web.img", id="raw"), pytest.param("web.iso", id="iso", marks=pytest.mark.long)]
)
def test_it_boots_through_the_boot_manager_and_stays_as_it_is(
    engine: Engine, registry: Registry, tmp_path: Path, name: str
) -> None:
    require_tool("sgdisk", "fsck.fat", "sfdisk")
    signer = make_signer(tmp_path)
    (tmp_path / "claylinux.yaml").write_text(TEXT)
    secret = f"--secret=id=db.key,src={signer.key}"
    source = {"FROM": f"oci+http://10.0.2.2:{registry.host.rpartition(':')[2]}/web"}
    engine.buildx(tmp_path, secret, build_args=source, output=tmp_path / "out").check()
    image = Path(shutil.copy(tmp_path / "out" / name, tmp_path / "machine"))
    disk = name.endswith(".img")
    before = partitions.partitions(image, "before")
    assert len(before) == (2 if disk else 1)
    variables = enroll(tmp_path / "variables.fd", signer, make_signer(tmp_path, "platform"))
    recording = Recording(tmp_path / "out" / name, tmp_path / "writes.log")
    recording.log.touch()
    drive = Drive(path=image, bus="virtio" if disk else "cdrom", keep=disk, log=recording.log if disk else None)
    if disk:
        pushed = f"type=image,name={registry.host}/web:stable,push=true"
        newer = {**source, "VERSION": "1.4.1"}
        engine.buildx(tmp_path, secret, target="update", build_args=newer, output=pushed).check()
    with boot(
        Machine(drives=(drive,), variables=variables, memory_mib=1536, network=True, reboots=disk, watchdog=disk)
    ) as console:
        log_in(console)
        ask(console, CHECKS + (ON_DISK if disk else ()))
        if disk:
            figures = ask(console, UPDATE)
            assert int(figures["fetched"]) < WIRE < int(figures["copied"])
            console.send("reboot\n")
            log_in(console)
            ask(console, AFTERWARDS)
        console.send("poweroff\n")
        assert console.wait_off(90) == 0
    after = partitions.partitions(image, "after")
    # Not a byte of the first partition; the second was mounted for writing.
    assert partitions.digest(before[0]) == partitions.digest(after[0])
    assert [partitions.complaint(part) for part in after] == [""] * len(after)
    verified = subprocess.run(["sgdisk", "--verify", image], capture_output=True, text=True, check=True).stdout
    assert "No problems found" in verified
    if disk:
        cut_the_power(recording, after, tmp_path)


def cut_the_power(recording: Recording, after: list[Path], scratch: Path) -> None:
    """Whenever it goes, a repair leaves the first partition as it was, and the new version whole or not there."""
    files = partitions.files(after[1], "EFI/Linux")
    assert list(files) == ["web_1.4.1.efi"]
    update = update_cuts.Update(recording, 0, partitions.digest(after[0]), files["web_1.4.1.efi"])
    found: list[str] = []
    for _, cut in recording.cuts(8, random.Random(1), scratch):
        found += update_cuts.repair(update, cut, Tally(), "repaired") or ["nothing"]
    assert (found[0], found[-1]) == ("nothing", "web_1.4.1.efi")
    assert len(set(found)) > 2, found  # also on trial


def log_in(console: Console) -> None:
    """Come to a prompt."""
    console.expect(r"^web login: ", 240)
    console.send("root\n")
    console.expect(r"# $", 60)


def ask(console: Console, commands: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Expect answers to commands, and return the named parts of them."""
    found: dict[str, str] = {}
    for command, answer in commands:
        console.send(f"echo answer=$({command})\n")
        found |= console.expect(f"^answer={answer}\\s*$", 120).groupdict()
    return found
