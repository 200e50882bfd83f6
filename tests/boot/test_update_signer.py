"""Secure Boot refuses a version that another key has signed, and the machine is back on the one before.

Its index is signed by the machine's key for updates. If that says who signed the program, it is not even fetched.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from localvm.machine import Drive
from tests.support import partitions
from tests.support.engine import Engine
from tests.support.tiny import SECONDS, build

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

DISTRUSTED = "Secure Boot would not start it: the firmware does not trust CN=other"
GIVEN_UP = "it was given up: it did not come up, and said nothing (tries: 3)"


def test_a_version_that_another_key_has_signed(engine: Engine, tmp_path: Path) -> None:
    system = build(engine, tmp_path, signed=True, foreign=True)
    with system.boot(Drive(path=system.image, keep=True), Drive(path=system.pieces), reboots=True) as console:
        for line in (
            "boot of version 1",
            f"update: 1 claylinux: 2: {DISTRUSTED}",
            "update: 0 tiny 2 starts at the next reboot",
            "boot of version 1",
            f"Given up  2: {GIVEN_UP}",
            f"update: 1 claylinux: 2: {DISTRUSTED}",
            f"update: 1 claylinux: 2: {GIVEN_UP}. To try it again, run claylinux update --to 2",
        ):
            print(console.expect(f"^{re.escape(line)}.*", 2 * SECONDS)[0])
        assert console.wait_off(SECONDS) == 0
        assert "boot of version 2" not in console.text
        assert console.text.count("Access denied") == 3
    esp, updates = partitions.partitions(system.image)
    assert list(partitions.files(updates, "EFI/Linux")) == ["tiny_2+0-3.efi"]
    assert not partitions.complaint(esp) and not partitions.complaint(updates)
