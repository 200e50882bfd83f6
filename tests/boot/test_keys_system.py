"""Users, network, services and mounts on a real Debian, confirmed by the guest itself in two boots."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.vm import boot, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.engine]

PASSWORD = "correct horse"
EXPECTED = {
    "op": "1234 data data web extra",
    "key": "op:data 600 op@example",
    "locked": "!*:1",
    "address": "10.0.2.15/24",
    "default": "default via 10.0.2.2",
    "route": "10.9.0.0/16 via 10.0.2.2 metric 50",
    "mtu": "1400",
    "rule": "70: from 10.0.2.15 lookup 7 default via 10.0.2.2",
    "ipv6": "0",
    "bridge": "192.0.2.1/24",
    "spanning": "1 400 100",
    "bond": "active-backup 1 200 02:00:00:00:00:09",
    "vlan": "id 7 198.51.100.1/24",
    "resolver": "10.0.2.3 keys.example",
    "host": "hello",
    "agent": 'agent agent /srv 50% "$HOME" a "b" 5% $c \\d 1',
    "title": "100% ours",
    "flaky": "1",
    "timesyncd": "disabled",
    "data": "ext4 DATA rw,noatime",
    "cache": "tmpfs 755 noexec",
    "logs": "bound",
    "none": "absent",
    "taken": "absent",
    "tmp": "67108864 1777",
    "online": "active",
    "dropped": "dropped 1 0",
    "busy": "",
    "explained": "1",
    "failed": "srv-taken.mount",
}
"""The output that the guest must print at every boot."""


@pytest.fixture(scope="module")
def directory(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the system, built with a hash from a secret and a key from a file."""
    require_tool("openssl", "ssh-keygen")
    place = tmp_path_factory.mktemp("keys")
    shutil.copytree(REPOSITORY / "tests/boot/keys_system", place, dirs_exist_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "op@example", "-f", str(place / "op"))
    (place / "hash").write_text(run("openssl", "passwd", "-6", PASSWORD))
    engine.buildx(place, f"--secret=id=root_hash,src={place}/hash", output=place / "out").check()
    return place


def test_two_boots_of_one_machine(directory: Path) -> None:
    empty = [directory / name for name in ("data", "late")]
    taken = directory / "taken"
    for path in (*empty, taken):
        with path.open("wb") as disk:
            disk.truncate(64 << 20)
    with taken.open("r+b") as disk:
        disk.seek(510)
        disk.write(b"\x55\xaa")  # no partition, but a boot record
    before = taken.read_bytes()

    # With only one empty disk, it is clear which one becomes DATA.
    first = ask(directory, empty[0], taken)
    assert {key: first[key] for key in EXPECTED} == EXPECTED
    assert (first["boots"], first["late"]) == ("1", "")
    second = ask(directory, empty[0], taken, empty[1])
    assert {key: second[key] for key in EXPECTED} == EXPECTED
    assert (second["boots"], second["late"]) == ("2", "/dev/vdc ext4")
    assert taken.read_bytes() == before, "a disk with a signature is never written"


def ask(directory: Path, *disks: Path) -> dict[str, str]:
    """Boot the system, log in with the password, and return the output of its check."""
    drives = tuple(Drive(path=disk, keep=True) for disk in disks)
    machine = Machine(kernel=directory / "out/keys.efi", drives=drives, memory_mib=1536, network=True)
    with greeter() as port, boot(machine) as console:
        console.expect(r"^keys login: ", 180)
        console.send("root\n")
        console.expect(r"Password: ", 30)
        console.send(f"{PASSWORD}\n")
        console.expect(r"# $", 60)
        console.send(f"check {port}\n")
        start = console.expect(r"^check-begin=42$", 60).end()
        end = console.expect(r"^check-end=43$", 90).start()
        found = dict(re.findall(r"^(\w+)=(.*?) *$", console.text[start:end], re.MULTILINE))
        console.send("poweroff\n")
        assert console.wait_off(60) == 0
    # What cannot be undone is not complained about: the layers' loop devices hold the root.
    assert "Could not" not in console.text[console.text.rindex("poweroff") :]
    return found


@contextmanager
def greeter() -> Iterator[int]:
    """Greet every client that connects to the port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as client:
                client.sendall(b"hello")

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def run(*argv: str) -> str:
    done = subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.stdout
