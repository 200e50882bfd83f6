"""What stays on a disk, on Debian and on Alpine: over reboots, a new image, and a larger disk."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.engine import REPOSITORY, Engine
from tests.support.guest_programs import sfdisk
from tests.support.vm import boot, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.engine]

CONTEXT = REPOSITORY / "tests/boot/state"
SCHEMA = json.loads((REPOSITORY / "docs/status.schema.json").read_text())
MIB = 1 << 20


def test_debian(engine: Engine, tmp_path: Path) -> None:
    def build(version: str) -> Path:
        out = tmp_path / version
        engine.buildx(CONTEXT, "--file=claylinux.yaml", build_args={"VERSION": version}, output=out).check()
        return out / "state.img"

    disk = tmp_path / "disk.img"
    first = begin(build("1"), disk)
    plant(disk, tmp_path / "partition")
    renew(build("2"), disk)
    second = guest(disk)
    assert (first["running"], second["running"]) == ("running", "running")
    went_on(first, second, code="1")
    assert (first["victim"], second["victim"]) == ("victim 1 0", "victim 2 0")
    assert (first["mounts"], second["mounts"]) == ("2", "1")
    problem = "/state/persist/var/lib/other is no directory, so it was not followed, and /var/lib/other does not stay"
    assert second["json"]["state"]["problem"] == problem


def test_alpine(alpine_official: Alpine, tmp_path: Path) -> None:
    def build(version: str, **more: str) -> Path:
        values = {"VERSION": version, **more, "BASE": "alpine-virt", "SERVER": "openssh"}
        arguments = (f"--build-arg={name}={value}" for name, value in values.items())
        alpine_official.build(CONTEXT, *arguments, output=tmp_path / version).check()
        return tmp_path / version / "state.img"

    disk = tmp_path / "disk.img"
    image = build("1")
    first = begin(image, disk)
    renew(build("2"), disk)
    second = guest(disk)
    assert (first["running"], second["running"]) == ("", "")
    went_on(first, second)
    grow(disk, disk.stat().st_size + 200 * MIB)
    third = guest(disk)
    assert (third["code"], third["boots"], third["keys"]) == ("0", "3", first["keys"])
    assert (third["ours"], third["differs"]) == ("2", "")  # it has taken that of the image
    assert third["json"]["state"]["size"] - second["json"]["state"]["size"] > 150 * MIB
    assert "the partition takes 200 MiB more" in third["told"]
    foreign(image, disk)
    disk.write_bytes(build("3", REQUIRED="true").read_bytes())  # which leaves no space
    with boot(Machine(drives=(Drive(path=disk, keep=True),), memory_mib=1024)) as console:
        console.expect("stopped here, because the build file says", 300)
        assert console.wait_off(120) == 0
        assert "report-begin" not in console.text and "has no room" in console.text


def test_on_another_disk_than_the_image(engine: Engine, tmp_path: Path) -> None:
    """From an ISO, which is no disk, onto one with sectors of 4 KiB that a rule names; a key on a third opens it."""
    context, disk = tmp_path / "context", tmp_path / "disk.img"
    shutil.copytree(CONTEXT, context)
    build_file = context / "claylinux.yaml"
    wanted = "state: {disk: serial=claylinux1, encrypt: LABEL=KEYS/state/a.key, "
    text = build_file.read_text().replace("state: {", wanted).replace("[raw]", "[iso]")
    build_file.write_text(text)
    engine.buildx(context, "--file=claylinux.yaml", output=tmp_path / "out").check()
    with disk.open("wb") as file:
        file.truncate(200 * MIB)
    image = Drive(path=tmp_path / "out/state.iso", bus="cdrom")
    drives = (image, Drive(path=disk, bus="nvme-4k", keep=True), Drive(path=key_disk(tmp_path / "keys")))
    found = report(Machine(drives=drives, memory_mib=1024))
    assert (found["code"], found["running"], found["boots"], found["mounts"]) == ("0", "running", "1", "2")
    state = found["json"]["state"]
    assert (state["device"], state["encrypted"], state["size"] > 120 * MIB) == (
        "/dev/mapper/claylinux-state", True, True
    )  # fmt: skip
    assert re.fullmatch("([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}", found["recovery"])
    content = disk.read_bytes()
    assert content[4096:4104] == b"EFI PART"  # the table is in its second sector
    assert content[MIB : MIB + 30] == b"LUKS\xba\xbe\0\2" + content[MIB + 8 : MIB + 24] + b"STATE\0"
    assert found["recovery"].encode() not in content
    assert b"OPENSSH PRIVATE KEY" not in content


def key_disk(image: Path) -> Path:
    """Make a stick with the file `state/a.key`."""
    require_tool("mkfs.fat", "mcopy", "mmd")
    with image.open("wb") as file:
        file.truncate(2 * MIB)
    subprocess.run(["mkfs.fat", "-n", "KEYS", str(image)], check=True, capture_output=True)
    subprocess.run(["mmd", "-i", str(image), "::/state"], check=True)
    subprocess.run(["mcopy", "-i", str(image), "-", "::/state/a.key"], input=os.urandom(32), check=True)
    return image


def begin(image: Path, disk: Path, **more: Any) -> dict[str, Any]:
    """Boot an image on a disk that is larger than it, and return what the guest says."""
    disk.write_bytes(image.read_bytes())
    grow(disk, 2 * image.stat().st_size + 100 * MIB)
    found = guest(disk, **more)
    assert (found["code"], found["image"], found["ours"], found["boots"], found["differs"]) == (
        "0", "1", "machine", "1", "/var/lib/app/ours: changed on this machine"
    )  # fmt: skip
    assert re.fullmatch("[0-9a-f]{32}", found["id"])
    assert int(found["number"]) >= 2
    assert "making a partition" in found["told"]
    if not more:
        assert found["json"]["boot"] == {"device": "/dev/vda1", "secure_boot": "off", "signer": None}
    encrypted = bool(more)
    device = "/dev/mapper/claylinux-state" if encrypted else "/dev/vda2"
    assert (found["json"]["state"]["device"], found["json"]["state"]["encrypted"]) == (device, encrypted)
    return found


def renew(image: Path, disk: Path) -> None:
    """Write a new image over the start of the disk."""
    with disk.open("r+b") as file:
        file.write(image.read_bytes())


def plant(disk: Path, partition: Path) -> None:
    """Do what somebody with the disk could do, to get at files of the system."""
    table = json.loads(subprocess.run(["sfdisk", "--json", str(disk)], check=True, capture_output=True).stdout)
    found = table["partitiontable"]["partitions"][1]
    victim = hashlib.sha256(b"victim\n").hexdigest()
    base = partition.with_name("base.list")
    own, other = "/.claylinux", "/persist/var/lib/other"
    commands = (
        f"rm {other}/of-image",
        f"rmdir {other}",
        f"symlink {other} /etc",
        f"rm {own}/base.list",
        f"write {base} {own}/base.list",
        f"symlink {own}/paths.new /etc/victim",
        f"symlink {own}/news.list ../../etc/victim",
        f"symlink {own}/ssh-host-keys/ssh_host_planted_key /etc/victim",
        f"mknod {own}/taken p",
    )
    with disk.open("r+b") as file:
        file.seek(found["start"] * 512)
        partition.write_bytes(file.read(found["size"] * 512))
        debug(partition, f"dump {own}/base.list {base}")
        with base.open("a") as lines:
            lines.write(f"f {victim} 644:0:0 /var/lib/app/../../../../../etc/victim\n")
        for command in commands:
            debug(partition, command)
        file.seek(found["start"] * 512)
        file.write(partition.read_bytes())


def debug(partition: Path, command: str) -> None:
    """Let debugfs do something on a file system of ext4."""
    require_tool("debugfs")
    argv = ["debugfs", "-w", "-R", command, str(partition)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert len(done.stderr.splitlines()) == 1, done.stderr  # its version


def went_on(first: dict[str, Any], second: dict[str, Any], code: str = "0") -> None:
    """What the machine made and changed is still there, and all else is that of the new image."""
    assert (second["code"], second["image"], second["ours"], second["boots"]) == (code, "2", "machine", "2")
    assert second["differs"].startswith("/var/lib/app/ours: the image has a newer one")
    assert [first[name] for name in ("id", "keys", "number")] == [second[name] for name in ("id", "keys", "number")]
    assert (first["logs"], second["logs"]) == ("1", "2")
    assert "adding the partition that stays again" in second["told"]
    assert (first["json"]["system"]["version"], second["json"]["system"]["version"]) == ("1", "2")


def foreign(image: Path, disk: Path) -> None:
    """Boot a disk on which another system has a partition behind ours."""
    disk.write_bytes(image.read_bytes())
    grow(disk, image.stat().st_size + 100 * MIB)
    start = image.stat().st_size // 512
    sfdisk(disk, f"start={start}, type=linux", "--append")
    with disk.open("r+b") as file:
        file.seek(start * 512)
        file.write(b"another system" * MIB)
    before = hashlib.sha256(disk.read_bytes()).hexdigest()
    found = guest(disk)
    assert (found["code"], found["boots"], found["json"]["state"]["device"]) == ("1", "1", None)
    assert "has no room" in found["json"]["state"]["problem"]
    assert "has no room" in found["told"]
    assert hashlib.sha256(disk.read_bytes()).hexdigest() == before


def grow(disk: Path, size: int) -> None:
    with disk.open("r+b") as file:
        file.truncate(size)


def guest(disk: Path, **more: Any) -> dict[str, Any]:
    """Boot a machine from its disk, and return what it says of itself."""
    return report(Machine(drives=(Drive(path=disk, keep=True),), memory_mib=1024, **more))


def report(machine: Machine) -> dict[str, Any]:
    """Boot a machine, and return what it says. Its recovery key must be nowhere but on the console."""
    with boot(machine) as console:
        start = console.expect(r"^report-begin=42\s*$", 600).end()
        end = console.expect(r"^report-end=43", 60).start()
        shown = re.search(r"the recovery key of the state.*?\n\s+([a-z-]{71})", console.text[:start], re.DOTALL)
        text = console.text[start:end].replace("\r", "")
        assert console.wait_off(120) == 0
        assert "Failed unmounting" not in console.text
    found: dict[str, Any] = dict(re.findall(r"^(\w+)=(.*?) *$", text, re.MULTILINE))
    found["recovery"] = shown[1] if shown else None
    assert shown is None or shown[1] not in text
    found["json"] = json.loads(text[text.index("\n{\n") :])
    jsonschema.validate(found["json"], SCHEMA)
    assert f"State     {found['json']['state']['device'] or 'none'}" in text
    return found
