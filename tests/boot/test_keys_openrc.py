"""Users, network, services and mounts on Alpine, where OpenRC and ifupdown do the work of Debian's systemd."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.boot.test_keys_system import greeter, run
from tests.support.alpine import Alpine
from tests.support.engine import REPOSITORY
from tests.support.vm import boot, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.engine]


EXPECTED = {
    "op": "uid=1234(op) gid=2000(data) groups=2000(data)",
    "key": "op@example",
    "locked": "!*:1",
    "address": "mtu 1400 inet 10.0.2.15/24",
    "routes": "2",
    "rule": "70: from 10.0.2.15 lookup 7 default via 10.0.2.2",
    "ipv6": "0",
    "spanning": "1 400 100",
    "bond": "active-backup 1 200 02:00:00:00:00:09",
    "bridge": "bond0 inet 192.0.2.1/24",
    "resolver": "nameserver 10.0.2.3 search keys.example",
    "host": "hello",
    "worker": 'op /srv 50% "$HOME" a "b" 5% $c \\d default',
    "flaky": "again",
    "plain": "op data /srv a  b",
    "once": "op",
    "ntpd": "",
    "cache": "1",
    "tmp": "64 1777",
    "crashed": "",
    "seed": "planted",
    "data": 'on /srv/data type ext4 LABEL="DATA"',
    "zone": "CET",
    "locale": "de_DE.UTF-8",
    "keyboard": "started z",
    "swap": "/dev/vdc 65532 -2 /dev/zram0 65532 100",
}


@pytest.fixture(scope="module")
def image(alpine_official: Alpine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tool("ssh-keygen")
    place = tmp_path_factory.mktemp("keys")
    shutil.copytree(REPOSITORY / "tests/boot/keys_openrc", place, dirs_exist_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "op@example", "-f", str(place / "op"))
    alpine_official.build(place, output=place / "out").check()
    return place / "out/keys.efi"


def seed(folder: Path) -> Path:
    """Make the disk on which tiny-cloud finds what to do."""
    require_tool("xorriso")
    (folder / "seed").mkdir()
    (folder / "seed/meta-data").write_text("local-hostname: planted\n")
    (folder / "seed/user-data").write_text("#!/bin/sh\necho planted > /tmp/seed\n")
    image = folder / "seed.iso"
    run("xorriso", "-as", "mkisofs", "-quiet", "-V", "cidata", "-J", "-r", "-o", str(image), str(folder / "seed"))
    return image


def test_openrc_and_ifupdown_do_what_was_asked(image: Path, tmp_path: Path) -> None:
    disk = tmp_path / "empty.raw"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    require_tool("mkswap")
    swap = tmp_path / "swap.raw"
    with swap.open("wb") as file:
        file.truncate(64 << 20)
    run("mkswap", "--label", "SWAP", str(swap))
    drives = (Drive(path=disk), Drive(path=seed(tmp_path)), Drive(path=swap))
    machine = Machine(kernel=image, drives=drives, network=True, memory_mib=512)
    with greeter() as port, boot(machine) as console:
        console.expect(r"^keys login: ", 240)
        console.send("root\n")
        console.expect(r"# $", 60)
        console.send(f"check {port}\n")
        start = console.expect(r"^check-begin=42$", 60).end()
        end = console.expect(r"^check-end=43$", 60).start()
        found = dict(re.findall(r"^(\w+)=(.*?) *$", console.text[start:end], re.MULTILINE))
        console.send("poweroff\n")
        assert console.wait_off(120) == 0
    assert found == EXPECTED
