"""What stays on a disk, on Debian and on Alpine: over reboots, a new image, and a larger disk."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.engine import REPOSITORY, Engine
from tests.support.guest_programs import sfdisk
from tests.support.vm import boot

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
    renew(build("2"), disk)
    second = guest(disk)
    assert (first["running"], second["running"]) == ("running", "running")
    went_on(first, second)


def test_alpine(alpine_official: Alpine, tmp_path: Path) -> None:
    def build(version: str) -> Path:
        values = {"VERSION": version, "BASE": "alpine-virt", "SERVER": "openssh"}
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


def begin(image: Path, disk: Path) -> dict[str, Any]:
    """Boot an image on a disk that is larger than it, and return what the guest says."""
    disk.write_bytes(image.read_bytes())
    grow(disk, 2 * image.stat().st_size + 100 * MIB)
    found = guest(disk)
    assert (found["code"], found["image"], found["ours"], found["boots"], found["differs"]) == (
        "0", "1", "machine", "1", "/var/lib/app/ours: changed on this machine"
    )  # fmt: skip
    assert re.fullmatch("[0-9a-f]{32}", found["id"])
    assert int(found["number"]) >= 2
    assert "making a partition" in found["told"]
    assert found["json"]["boot"] == {"device": "/dev/vda1", "secure_boot": "off", "signer": None}
    assert found["json"]["state"]["device"] == "/dev/vda2"
    return found


def renew(image: Path, disk: Path) -> None:
    """Write a new image over the start of the disk."""
    with disk.open("r+b") as file:
        file.write(image.read_bytes())


def went_on(first: dict[str, Any], second: dict[str, Any]) -> None:
    """What the machine made and changed is still there, and all else is that of the new image."""
    assert (second["code"], second["image"], second["ours"], second["boots"]) == ("0", "2", "machine", "2")
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


def guest(disk: Path) -> dict[str, Any]:
    """Boot a machine, and return what it says of itself."""
    with boot(Machine(drives=(Drive(path=disk, keep=True),), memory_mib=1024)) as console:
        start = console.expect(r"^report-begin=42\s*$", 300).end()
        end = console.expect(r"^report-end=43", 60).start()
        text = console.text[start:end].replace("\r", "")
        assert console.wait_off(120) == 0
    found: dict[str, Any] = dict(re.findall(r"^(\w+)=(.*?) *$", text, re.MULTILINE))
    found["json"] = json.loads(text[text.index("\n{\n") :])
    jsonschema.validate(found["json"], SCHEMA)
    assert f"State     {found['json']['state']['device'] or 'none'}" in text
    return found
