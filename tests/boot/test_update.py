"""A machine that updates itself from a registry, tries versions that are bad, and comes back. Secure Boot is on.

In CI, tests/unit/imager/guest runs the programs of the machine against servers, directories and power cuts, and
`test_update_disk.py` lets a machine come to a good version. `test_update_refused.py` is about versions that are not
tried.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from localvm.console import Console
from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.registry import Registry
from tests.support.secure_boot import enroll, make_signer
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

CONTEXT = REPOSITORY / "tests/boot/update"
SCHEMA = json.loads((REPOSITORY / "docs/status.schema.json").read_text())
MIB = 1 << 20
WIRE = 200_000
"""Bytes that one changed line may cost, over the network."""
BOOT_SECONDS = 300


@dataclass(frozen=True)
class Fleet:
    """Builds versions of a system, and pushes them for the machine's next steps."""

    engine: Engine
    registry: Registry
    context: Path
    arguments: dict[str, str]
    words: tuple[str, ...] = ()
    """Further ones for buildx."""

    def disk(self, variables: Path) -> Machine:
        """Build version 1, and return a machine with it on a disk that has room for the state."""
        out = self.context.parent / "out"
        self._build("1", output=out)
        disk = out / "fleet.img"
        with disk.open("r+b") as file:
            file.truncate(disk.stat().st_size + 64 * MIB)
        drives = (Drive(path=disk, keep=True),)
        return Machine(drives=drives, memory_mib=1024, network=True, variables=variables, reboots=True)

    def push(self, version: str, after: str) -> None:
        """Push a version that comes after another one."""
        tag = f"{self.registry.host}/fleet:after.{after}"
        self._build(version, "--target=update", output=f"type=image,name={tag},push=true")

    def _build(self, version: str, *words: str, output: str | Path) -> None:
        port = self.registry.host.rpartition(":")[2]
        arguments = {**self.arguments, "VERSION": version, "FROM": f"oci+http://10.0.2.2:{port}/fleet"}
        secret = f"--secret=id=db.key,src={self.context}/db.key"
        self.engine.buildx(self.context, *self.words, secret, *words, build_args=arguments, output=output).check()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The build context."""
    return Path(shutil.copytree(CONTEXT, tmp_path / "context"))


@pytest.fixture
def variables(context: Path) -> Path:
    """Firmware that starts what the key of the context has signed, and nothing else."""
    return enroll(context.parent / "vars.fd", make_signer(context), make_signer(context.parent, "platform"))


def test_debian(engine: Engine, registry: Registry, context: Path, variables: Path) -> None:
    fleet = Fleet(engine, registry, context, {"TRIES": "1"})
    live(fleet, fleet.disk(variables), "3", "service works: failed exit-code 7")


@pytest.mark.parametrize("bad", ["3", "4", "5"])
def test_three_tries(engine: Engine, registry: Registry, context: Path, variables: Path, bad: str) -> None:
    """Of versions whose service fails, that panic, and that stop dead, which only a watchdog ends."""
    # The kernel for clouds has no driver of a watchdog but that in software.
    fleet = Fleet(engine, registry, context, {"TRIES": "3", "BASE": "debian" if bad == "5" else "debian-cloud"})
    reason = "service works: failed exit-code 7" if bad == "3" else "it did not come up, and said nothing (tries: 3)"
    live(fleet, replace(fleet.disk(variables), watchdog=True), bad, reason)


def live(fleet: Fleet, machine: Machine, bad: str, reason: str) -> None:
    """Let a machine go from version 1 to 2, try a bad one, and come back."""
    fleet.push("2", "1")
    fleet.push(bad, "2")
    with boot(machine) as console:
        first = report(console)
        assert first["json"]["boot"]["secure_boot"] == "on"
        came_to_two(first)
        second = report(console)
        assert (second["version"], second["json"]["update"]["last"]["result"]) == ("2", "written")
        third = report(console)
        assert console.wait_off(120) == 0
    went_back(third, bad, reason)
    assert len({(each["id"], each["keys"]) for each in (first, second, third)}) == 1
    assert third["boots"] == f"1 2 {f'{bad} ' * int(fleet.arguments['TRIES'])}2"


def came_to_two(found: dict[str, Any]) -> None:
    """The first machine has fetched version 2: what one line costs."""
    assert found["version"] == "1"
    assert found["json"]["update"]["entry"] == "esp:/EFI/Linux/fleet_1.efi"
    assert (found["json"]["update"]["next"], found["json"]["update"]["fallback"]) == ("2", "1")
    figures = re.search(r"\((\d+) bytes fetched, (\d+) copied, (\d+) s\)", found["update"])
    assert figures is not None, found["update"]
    print("one changed line:", figures[0])
    assert int(figures[1]) < WIRE
    assert int(figures[2]) > 20 * MIB


def went_back(found: dict[str, Any], bad: str, reason: str) -> None:
    """The machine runs version 2 after it has tried another one, and says why."""
    assert found["version"] == "2"
    assert found["json"]["update"]["given_up"] == [f"{bad}: it was given up: {reason}"]
    assert found["json"]["update"]["entry"] == "updates:/EFI/Linux/fleet_2.efi"
    assert (found["json"]["update"]["next"], found["json"]["update"]["last"]["result"]) == ("2", "failed")
    assert f"fleet {bad}: it was given up: {reason}. 2 runs" in found["told"]
    assert f"To try it again, run claylinux update --to {bad}" in found["update"]


def report(console: Console) -> dict[str, Any]:
    """Return the next report of the machine."""
    begin = console.text.rfind("report-end=43") + 1
    start = console.expect(r"^report-begin=42\s*$", 5 * BOOT_SECONDS).end()
    end = console.expect(r"^report-end=43", 60).start()
    text = console.text[start:end].replace("\r", "")
    found: dict[str, Any] = dict(re.findall(r"^(\w+)=(.*?) *$", text, re.MULTILINE))
    found["json"] = json.loads(text[text.index("\n{\n") :])
    jsonschema.validate(found["json"], SCHEMA)
    before = console.text[begin:start].replace("\r", "")
    found["update"] = before[before.index("update=") :]
    return found
