"""The key `kernel` in a system that boots with the memory of its size report, and the report itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.imager import read_newc, read_sections
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

PROJECT = REPOSITORY / "tests/boot/keys_kernel"
EXPECTED = {
    "loaded": "yes yes yes",
    "veth": "yes",
    "recent": "no",
    "nfs": "no",
    "overlay": "yes",
    "alias": "veth",
    "sysctl": "1 7",
    "firmware": "./isci/isci_firmware.bin ./keyspan_pda/keyspan_pda.fw ./keyspan_pda/xircom_pgs.fw",
    "failed": "0",
}
"""The output that the guest must print; `bridge` was loaded because br_netfilter needs it."""


@pytest.fixture(scope="module")
def out(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    engine.buildx(PROJECT, output=directory).check()
    # The step prints it only when it runs.
    log = engine.buildx(PROJECT, "--no-cache-filter=report", target="report", output=directory).check().log
    assert "RAM to boot" in log
    engine.buildx(PROJECT, target="efi", output=directory).check()
    return directory


def test_the_guest_has_what_was_asked_for(out: Path) -> None:
    report = json.loads((out / "keys.report.json").read_text())
    machine = Machine(drives=(Drive(path=out / "keys.img"),), memory_mib=-(-report["ram"] >> 20) + 1)
    with boot(machine) as console:
        console.expect(r"^keys login: ", 180)
        console.send("root\n")
        console.expect(r"# $", 60)
        console.send("probe\n")
        start = console.expect(r"^probe-begin=42$", 60).end()
        end = console.expect(r"^probe-end=43$", 60).start()
        found = dict(re.findall(r"^(\w+)=(.*?) *$", console.text[start:end], re.MULTILINE))
        listed, files = re.fullmatch(r"(\d+) of (\d+)", found.pop("listed")).groups()  # type: ignore[union-attr]
        assert found == EXPECTED
        assert int(listed) == int(files) < 200
        console.send("poweroff\n")
        assert console.wait_off(60) == 0


def test_the_report_adds_up(out: Path) -> None:
    report = json.loads((out / "keys.report.json").read_text())
    uki = (out / "keys.efi").stat().st_size
    assert report["uki"]["size"] == uki == sum(size for part, size in report["uki"].items() if part != "size")
    assert sum(row["size"] for row in report["directories"]) == report["system"]["size"]
    owned = sum(row["size"] for row in report["packages"])
    assert owned + report["unpackaged"]["size"] == report["system"]["size"]
    assert abs(sum(row["compressed"] for row in report["directories"]) - report["uki"]["system"]) < 1000
    assert (out / "keys.report.txt").read_text().startswith("What takes the space in keys ")


def test_the_uki_starts_with_microcode(out: Path) -> None:
    """It is uncompressed and first, where the kernel looks for it: one archive for each vendor's file."""
    initrd = read_sections((out / "keys.efi").read_bytes())[".initrd"][2]
    found: dict[str, bytes] = {}
    while initrd.startswith(b"070701"):
        end = -(-(initrd.index(b"TRAILER!!!\0") + 11) // 4) * 4
        found |= {member.name.decode(): member.data for member in read_newc(initrd[:end]) if member.data}
        initrd = initrd[end:].lstrip(b"\0")  # the next one begins on a page
    assert [*found][:2] == [f"kernel/x86/microcode/{name}.bin" for name in ("AuthenticAMD", "GenuineIntel")]
    amd, intel, *_ = found.values()
    # AMD's magic number of the container; Intel's header version 1 and a plausible date (BCD, mmddyyyy).
    assert amd[:4] == b"DMA\0"
    assert intel[:4] == b"\1\0\0\0"
    assert re.fullmatch(r"20[0-3]\d", intel[8:10][::-1].hex())
