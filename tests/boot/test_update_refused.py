"""A machine that is offered bad versions goes on with the one that it has, and says why. Secure Boot is off.

The registry is a real one behind TLS, with an authority of its own, and wants a token. `test_update.py` is about
versions that are taken and tried, with Secure Boot on.
"""

from __future__ import annotations

import json
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from localvm.console import Console
from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.private_registry import HOST, Account, Private, private
from tests.support.registry import Registry
from tests.support.secure_boot import make_signer, openssl
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

SCHEMA = json.loads((REPOSITORY / "docs/status.schema.json").read_text())
ACCOUNT = Account("fleet", "s3cret")
LARGE = 40_000_000
"""Bytes that no compression makes smaller: with them, a third version has no room beside the second."""
WIRE = 200_000
MEMORY = "64M"
"""What an update may use, with the pages of the files that it writes."""
BOOT_SECONDS = 600


@dataclass(frozen=True)
class Depot:
    """Builds versions, and pushes them to the registry where everybody may write."""

    engine: Engine
    registry: Registry
    server: Private
    context: Path

    def build(self, version: str, *words: str, output: str | Path, space: str = "200M") -> None:
        """Build a version of the system."""
        arguments = {"VERSION": version, "FROM": f"oci://{self.server.host}/depot", "SPACE": space}
        secret = f"--secret=id=update.key,src={self.context}/update.key"
        self.engine.buildx(self.context, secret, *words, build_args=arguments, output=output).check()

    def push(self, version: str, tag: str, space: str = "200M") -> None:
        """Push a version."""
        name = f"{self.registry.host}/depot:{tag}"
        self.build(version, "--target=update", output=f"type=image,name={name},push=true", space=space)

    def push_all(self) -> None:
        """Push version 2, one that is older, and three that are bad."""
        self.push("1", "old")
        self.push("2", "stable")
        self.push("3", "damaged")
        good = self.registry.layers("depot", "stable")
        damaged = next(layer for layer in self.registry.layers("depot", "damaged")[:-1] if layer not in good)
        flip(self.registry.blob(damaged))
        (self.context / "load").write_bytes(random.Random(1).randbytes(LARGE))
        self.push("3", "large", space="1G")
        (self.context / "load").write_text("")
        make_key(self.context)
        self.push("3", "foreign")


@dataclass(frozen=True)
class Guest:
    """Somebody at the console of the machine."""

    console: Console

    def log_in(self, seconds: float = BOOT_SECONDS) -> None:
        """Come to a prompt."""
        self.console.expect(r"^depot login: ", seconds)
        self.console.send("root\n")
        self.console.expect(r"# $", 60)

    def run(self, command: str, seconds: float = 120) -> tuple[int, str]:
        """Return the exit code of a command and what it says."""
        self.console.send(f"echo be''gin; ({command}) 2>&1; echo answer=$?\n")
        start = self.console.expect(r"^begin\s*$", 60).end()
        answer = self.console.expect(r"^answer=(\d+)\s*$", seconds)
        return int(answer[1]), self.console.text[start : answer.start()].replace("\r", "").strip()

    def status(self) -> dict[str, Any]:
        """Return what the machine says of its versions."""
        found = json.loads(self.run("claylinux status --json")[1])
        jsonschema.validate(found, SCHEMA)
        assert found["boot"]["secure_boot"] != "on"
        update: dict[str, Any] = found["update"]
        return update

    def is_good(self) -> dict[str, Any]:
        """Wait until the running version is no longer on trial."""
        self.run("until claylinux status --json | grep '\"tries_left\": null' >/dev/null; do sleep 2; done", 300)
        return self.status()


def test_it_refuses_and_says_why(engine: Engine, registry: Registry, tmp_path: Path) -> None:
    context = Path(shutil.copytree(REPOSITORY / "tests/boot/update_refused", tmp_path / "context"))
    (context / "netrc").write_text(ACCOUNT.netrc)
    (context / "load").write_text("")
    make_key(context)
    ca = make_signer(context, "ca")
    (tmp_path / "server").mkdir()
    with private(registry, ACCOUNT, ca, tmp_path / "server") as server:
        depot = Depot(engine, registry, server, context)
        depot.build("1", output=tmp_path / "out")
        depot.push_all()
        drives = (Drive(path=tmp_path / "out/depot.img", keep=True),)
        with boot(Machine(drives=drives, memory_mib=1024, network=True, reboots=True)) as console:
            guest = Guest(console)
            guest.log_in()
            fetch(guest, server)
            guest.log_in()
            assert guest.is_good()["last"]["result"] == "good"
            for words, reason in bad_versions(server, registry):
                refuse(guest, words, reason)
            guest.run(f"sed -i s/{ACCOUNT.password}/other/ /etc/claylinux/update.netrc")
            reason = f"https://{HOST}:.*: {HOST} wants a login, or another one: give it in /etc/claylinux/update.netrc"
            refuse(guest, f"--from oci://{server.host}/depot:damaged", reason)
            console.send("reboot\n")
            guest.log_in()
            after = guest.status()
            assert guest.run("cat /etc/depot") == (0, "2")
            assert (after["entry"], after["next"]) == ("updates:/EFI/Linux/depot_2.efi", "2")
            assert (after["given_up"], after["last"]["version"], after["last"]["result"]) == ([], "2", "good")
            console.send("poweroff\n")
            assert console.wait_off(120) == 0


def fetch(guest: Guest, server: Private) -> None:
    """Go from version 1 to 2, with little memory, and a token that only name and password bring."""
    assert guest.run("cat /etc/depot") == (0, "1")
    command = f"systemd-run --wait --pipe --quiet -p MemoryMax={MEMORY} -p MemorySwapMax=0 claylinux update"
    code, said = guest.run(command, 600)
    assert code == 0, said
    figures = re.search(
        r"^depot 2 starts at the next reboot \((\d+) bytes fetched, (\d+) copied, (\d+) s\)$", said, re.M
    )
    assert figures is not None, said
    assert int(figures[1]) < WIRE
    assert re.search(r"^piece 1 of \d, \d+ kB$", said, re.M)
    assert server.scopes == ["repository:depot:pull"]
    guest.console.send("reboot\n")


def bad_versions(server: Private, registry: Registry) -> tuple[tuple[str, str], ...]:
    """Return words of the command, and a pattern of what it says then."""
    from_ = f"--from oci://{server.host}/depot"
    plain = f"{HOST}:{registry.host.rpartition(':')[2]}"
    return (
        (f"{from_}:damaged", f"oci://{server.host}/depot:damaged: the piece [0-9a-f]{{64}} arrived damaged, 2 times"),
        (
            f"{from_}:foreign",
            f"oci://{server.host}/depot:foreign: what is there has no signature by a key of this system, and was not "
            "used",
        ),
        (f"{from_}:large", r"UPDATES has no room: \d+ MiB are needed, and \d+ MiB are free"),
        (f"{from_}:old", "it is older than 2, which runs: to go back, run claylinux update --to 1"),
        # What is no version at all.
        (f"{from_}:gone", f'{server.host}/depot: it has no "gone"'),
        (f"--from oci://{plain}/depot:damaged", f"https://{plain}/v2/depot/manifests/damaged: .*wrong version number"),
    )


def refuse(guest: Guest, words: str, reason: str) -> None:
    """Let the machine refuse a version; nothing changes but what it says of the last update."""
    before = guest.status()
    code, said = guest.run(f"claylinux update {words}")
    print(words, code, said)
    last = said.splitlines()[-1]
    assert code == 1, said
    assert re.fullmatch(f"claylinux: (3|1|update): {reason}", last), said
    after = guest.status()
    assert (after["last"]["result"], after["last"]["text"]) == ("failed", last.split(": ", 2)[2])
    assert {**before, "last": None} == {**after, "last": None}
    assert (after["entry"], after["next"], after["fallback"]) == ("updates:/EFI/Linux/depot_2.efi", "2", "1")


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def make_key(context: Path) -> None:
    """Write a key for updates."""
    openssl("genrsa", "-out", str(context / "update.key"), "2048")
    openssl("rsa", "-in", str(context / "update.key"), "-pubout", "-out", str(context / "update.pub"))
