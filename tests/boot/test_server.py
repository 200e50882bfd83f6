"""The set of modules for servers in Debian's default kernel: a web server with containers, a firewall and a VPN.

In CI, tests/unit/imager/kernel/test_purposes.py looks at the sets, and test_habits.py at that for virtual machines.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

EXPECTED = {
    "lacking": "",
    "left-out": "",
    "nft": "yes",
    "iptables": "yes",
    "wireguard": "yes",
    "container": "42 1",
    "nginx": "1",
    "ssh": "active",
    "failed": "",
}


def test_a_server_does_its_job(engine: Engine, tmp_path: Path) -> None:
    engine.buildx(REPOSITORY / "tests/boot/server", output=tmp_path).check()
    drive = Drive(path=tmp_path / "server.img", bus="nvme")
    with boot(Machine(drives=(drive,), memory_mib=2048, network=True, restricted=True)) as console:
        console.expect(r"^server login: ", 600)
        console.send("root\n")
        console.expect(r"# $", 120)
        console.send("report 2>&1\n")
        start = console.expect(r"^report-begin=42", 120).end()
        end = console.expect(r"^report-end=43", 600).start()
        found = dict(re.findall(r"^([a-z-]+)=(.*?) *\r?$", console.text[start:end], re.MULTILINE))
        assert found == EXPECTED
        console.send("poweroff\n")
        assert console.wait_off(180) == 0
