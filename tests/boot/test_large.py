"""A system of 3 GiB, which no firmware loads, on its disk. In CI, test_disk.py does the same with a small one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.flipped import flip
from tests.support.vm import boot, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

CIPHER = "openssl enc -aes-128-ctr -K 5 -iv 0 -in /dev/zero 2>/dev/null | tail -c +110100481 | head -c 4096"
"""The bytes of the file `5` from 105 MiB on, as the build makes them."""


def test_three_gibibytes_start_with_half_a_gibibyte_of_memory(engine: Engine, tmp_path: Path) -> None:
    """And one flipped bit of them is refused, and nothing else."""
    require_tool("openssl")
    engine.buildx(REPOSITORY / "tests/boot/large", output=tmp_path).check()
    image = tmp_path / "large.img"
    assert image.stat().st_size > 3 << 30
    flip(image, subprocess.run(["sh", "-c", CIPHER], stdout=subprocess.PIPE, check=True).stdout)
    with boot(Machine(drives=(Drive(path=image),), memory_mib=512)) as console:
        console.expect(r"token 42", 900)
        found = dict(re.findall(r"layers: (\w+)=(.*?)\r?$", console.text, re.MULTILINE))
        assert found == {"size": "3072", "whole": "3: OK", "damaged": "refused", "beside": "read"}
