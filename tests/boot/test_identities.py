"""What belongs to one machine: no image has it, two builds are the same, and every guest makes its own at boot."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.answers import ask
from tests.support.engine import REPOSITORY, Engine, digests
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

CONTEXT = REPOSITORY / "tests/boot/identities"
OPENRC = REPOSITORY / "tests/boot/identities_openrc"
SAME = {
    "bus": "/etc/machine-id",
    "keys": "4",
    "kept": "asked for",
    "private": "640 root ssl-cert",
    "build": "0 0",
    "unit": "active active active active",
    "failed": "",
    "left": "active active active active inactive",
}
"""What every guest must say."""
OWN = ("id", "own", "ssh", "dropbear", "nqn", "hostid", "iscsi", "certificate")
"""What no two guests may say alike."""
SAME_OPENRC = {"keys": "4", "kept": "asked for", "build": "00", "log": "0", "started": "4", "crashed": "0"}
OWN_OPENRC = ("id", "own", "ssh", "dropbear")


@pytest.mark.parametrize("profile", ["", "unpacked"])
def test_every_machine_has_its_own(engine: Engine, tmp_path: Path, profile: str) -> None:
    """From a Dockerfile with sshd, packages that make keys, a socket for a service, and a table of lost disks."""
    # Another epoch packs anew: a step from the cache says nothing.
    arguments = {"CLAYLINUX_PROFILE": profile, "SOURCE_DATE_EPOCH": str(int(time.time()))}
    built = engine.buildx(CONTEXT, "--file=claylinux.yaml", build_args=arguments, output=tmp_path / "out", timeout=1800)
    log = built.check().log
    assert "not in the image, as each machine has its own: /etc/machine-id, /etc/ssh/ssh_host_ecdsa_key" in log
    warned = engine.warnings(CONTEXT, build_args=arguments)
    assert "/root/.ssh/id_ed25519 is a private key" in warned
    assert "[DiskLeftover]" in warned and "/home on UUID=22222222-2222-3333-4444-555555555555" in warned
    guests = [guest(tmp_path / "out/identities.img") for _ in range(2)]
    for found in guests:
        assert {name: found[name] for name in SAME} == SAME
        assert all(found[name] for name in OWN), found
        assert found["nqn"].endswith(found["hostid"])
        for name in ("names", "waits"):
            made, used = map(int, found[name].split())
            assert 0 < made < used, name
    alike = [name for name in OWN if guests[0][name] == guests[1][name]]
    # Both emulated machines have the same serial number, of which the name of NVMe is made.
    assert set(alike) <= {"nqn", "hostid"}


def test_two_builds_are_the_same(engine: Engine, tmp_path: Path) -> None:
    """Although each runs the scripts of all packages anew."""
    found = []
    for number in range(2):
        flags = ("--file=claylinux.yaml", "--no-cache-filter=packages")
        engine.buildx(CONTEXT, *flags, output=tmp_path / str(number), timeout=1800).check()
        found.append(digests(tmp_path / str(number)))
    assert found[0] == found[1]


@pytest.mark.parametrize(("kind", "mode"), [("official", "overlay"), ("apk3", "tmpfs")])
def test_every_machine_of_openrc_has_its_own(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, mode: str
) -> None:
    alpine: Alpine = request.getfixturevalue(f"alpine_{kind}")
    log = alpine.build(OPENRC, f"--build-arg=MODE={mode}", output=tmp_path / "out").check().log
    assert "not in the image, as each machine has its own: " in log
    guests = [guest_of_openrc(tmp_path / "out/identities.img") for _ in range(2)]
    for found in guests:
        assert {name: found[name] for name in SAME_OPENRC} == SAME_OPENRC
        assert re.fullmatch("[0-9a-f]{32}", found["id"])
    assert [name for name in OWN_OPENRC if guests[0][name] == guests[1][name]] == []


def test_two_builds_for_openrc_are_the_same(alpine: Alpine, tmp_path: Path) -> None:
    """Although each makes keys and names anew."""
    found = []
    for number in range(2):
        flags = ("--build-arg=TRACE=/dev/null", "--no-cache-filter=packages,run")
        alpine.build(OPENRC, *flags, output=tmp_path / str(number)).check()
        found.append(digests(tmp_path / str(number)))
    assert found[0] == found[1]


def guest_of_openrc(image: Path) -> dict[str, str]:
    """Boot a machine with a shell, and return what it says of itself."""
    with boot(Machine(drives=(Drive(path=image),), network=True, memory_mib=768)) as console:
        console.expect(r"^identities login: ", 300)
        console.send("root\n")
        console.expect(r"# $", 60)
        text = ask(console, "probe")
        console.send("poweroff\n")
        assert console.wait_off(120) == 0
    return dict(re.findall(r"^found (\w+)=(.*)$", text, re.MULTILINE))


def guest(image: Path) -> dict[str, str]:
    """Boot a machine, and return what it says of itself."""
    with boot(Machine(drives=(Drive(path=image),), memory_mib=2048)) as console:
        end = console.expect(r"^token 42\r?$", 240).start()
        text = console.text[:end]
        assert console.wait_off(90) == 0
    return {name: value.rstrip("\r") for name, value in re.findall(r"^found (\w+)=(.*)$", text, re.MULTILINE)}
