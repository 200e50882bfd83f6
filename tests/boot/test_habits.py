"""What people are used to on Debian: units that are off stay off, packages get answers, `run` leaves nothing behind."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from localvm.machine import Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

EXPECTED = {
    "getty@tty1": "inactive",
    "serial-getty@ttyS0": "inactive",
    "systemd-hostnamed": "inactive",
    "tmp.mount": "inactive",
    "apt-daily.timer": "inactive",
    "ssh.service": "inactive",
    "ssh.socket": "active",
    "cron": "active",
    "postfix": "active",
    "agetty": "0",
    "state": "running",
    "ping": "1",
    "mailname": "mail.habits.example",
    "lists": "0",
    "lacking": "",
    "policy": "",
    "zone": "CET Europe/Berlin Europe/Berlin",
    "locale": "LANG=de_DE.UTF-8 LANG=de_DE.UTF-8",
    "spoken": "Donnerstag",
    "keyboard": "active 1",
    "swap": "partition 100 1 [zstd]",
}
"""What the guest must say of itself. Its state is `running` only if no unit failed."""


def test_a_system_of_habits(engine: Engine, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "tests/boot/habits", tmp_path, dirs_exist_ok=True)
    engine.buildx(tmp_path, output=tmp_path / "out").check()
    with boot(Machine(kernel=tmp_path / "out/habits.efi", memory_mib=1024)) as console:
        start = console.expect(r"^report-begin=42\s*$", 300).end()
        end = console.expect(r"^report-end=43", 60).start()
        found = dict(re.findall(r"^([\w@.-]+)=(.*?) *\r?$", console.text[start:end], re.MULTILINE))
        assert console.wait_off(120) == 0
    assert found == EXPECTED
