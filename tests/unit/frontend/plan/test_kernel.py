"""The keys `kernel` and `limits` through a whole request: what is planned, and what the user is told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from frontend.config import load
from frontend.plan import limits
from imager import memory
from tests.support.engine import REPOSITORY
from tests.support.fake_client import FakeClient
from tests.support.golden import check_golden
from tests.support.places import GOLDEN
from tests.support.whole_request import REPORT, ask, facts, names, places, told

GOLDEN = GOLDEN / "plan_errors"
MEBIBYTE = 1 << 20
TEXT = """\
base: debian-cloud
kernel:
  modules:
    load: [dummy, br_netfiler, zzz]
    include:
      - drivers/net/
      - /drivers/gpus/
      - amdgpus
    exclude: [sound/]
  firmware: [auto, iwlwifi-*]
  microcode:
    - intel
    - amd
"""
FINDINGS: dict[str, Any] = {
    "not_included": {"6.12": ["/drivers/gpus/", "amdgpus"], "6.1": ["drivers/net/"]},
    "not_excluded": {"6.12": ["sound/"]},
    "similar": {"6.12": {"br_netfiler": "br_netfilter", "zzz": None}},
    "unmatched_firmware": ["iwlwifi-*"],
    "missing_microcode": ["amd"],
    "missing_firmware": {"dummy": ["a", "b", "c", "d"]},
}
UNKNOWN = {"6.12": {"br_netfiler": None, "zzz": None}, "6.1": {"dummy": None}}
MEASURED = {
    "packages": [{"name": name, "size": size} for name, size in (("linux", 9 << 20), ("libc6", 12 << 20), ("a", 1))],
    "modules": {"size": 8 << 20},
    "firmware": {"size": 0},
    "unpackaged": {"size": 3 << 19},
}


def client(report: dict[str, Any] | None = None, *, uki: int = 0, size: int = 1000) -> FakeClient:
    outputs = {
        "/report.json": json.dumps({**REPORT, **(report or {})}).encode(),
        "/facts.json": facts(size),
        "/claylinux.report.json": json.dumps(MEASURED).encode(),
        "/uki.json": json.dumps({"size": uki}).encode(),
    }
    return FakeClient(outputs=outputs)


@pytest.mark.parametrize("target", ["", "image"])
def test_everything_that_a_system_lacks_is_told_at_its_line(target: str, update_golden: bool) -> None:
    """With the chosen kernel only where one is chosen; an image has none, so there it is about all of them."""
    asked = ask(
        TEXT, client({"kernel_tree": FINDINGS, "unknown_modules": UNKNOWN}), **({"target": target} if target else {})
    )
    text = f"{told(asked)}\nlines: {places(asked)}\n"
    check_golden(GOLDEN / f"kernel{target and '_'}{target}.txt", text, update=update_golden)


def test_compressed_memory_needs_a_kernel_that_has_it() -> None:
    text = "base: debian-cloud\nswap: [{zram: 50%}]\n"
    asked = ask(text, client({"unknown_modules": {"6.12": {"zram": None}}}))
    assert told(asked) == "`swap`: kernel 6.12 has no module `zram`: use another kernel, or remove the key"
    assert places(asked) == [2]
    # What else compresses, a kernel may have in it.
    assert ask(text, client({"unknown_modules": {"6.12": {"lz4": None, "zstd": None}}})).error is None
    assert ask(text.replace("zram: 50%", "device: LABEL=x"), client({"unknown_modules": {}})).error is None


def test_what_will_not_work_as_it_reads_is_a_warning(update_golden: bool) -> None:
    found = {**FINDINGS, "not_included": {}, "unmatched_firmware": [], "missing_microcode": []}
    asked = ask(TEXT, client({"kernel_tree": found}))
    assert asked.error is None
    check_golden(GOLDEN / "kernel_warnings.txt", "\n".join(asked.warned) + "\n", update=update_golden)


def test_a_file_can_leave_out_what_is_found_in_the_system() -> None:
    found = {"missing_firmware": {"dummy": ["a"]}, "not_excluded": {"6.12": ["sound/"]}}
    text = "# check=skip=missingfirmware;error=true\nbase: debian\nkernel: {modules: {exclude: [sound/]}}\n"
    (warning,) = ask(text, client({"kernel_tree": found})).warned
    assert "sound/" in warning


def test_a_system_that_has_all_hears_nothing() -> None:
    asked = ask(TEXT, client({"kernel_tree": {}, "unknown_modules": {"6.12": {}}}))
    assert asked.error is None
    assert asked.warned == []


def test_another_processor_needs_no_microcode() -> None:
    text = "base: {image: 'x:1'}\nkernel: {microcode: [intel]}\n"
    asked = ask(
        text,
        client({"kernels": [{"version": "6.12", "path": "x", "machine": "arm64"}], "init_machine": "arm64"}),
        platform="linux/arm64",
    )
    assert asked.error is None, asked.error
    assert asked.warned == [
        "claylinux.yaml:2: `kernel.microcode` has no effect on arm64: its processors take no microcode from the kernel"
    ]
    assert not [name for name in names(asked) if "microcode" in name]


def test_a_plain_kernel_key_costs_no_step() -> None:
    asked = ask("base: {image: x}\nkernel: {cmdline: quiet, firmware: all}\n")
    assert asked.error is None
    assert not [name for name in names(asked) if name.startswith("[kernel]")]
    assert len(asked.solved) == len(ask("base: {image: x}\n", client()).solved)


def test_a_limit_that_is_exceeded_fails_at_its_line(update_golden: bool) -> None:
    text = "base: debian\nlimits:\n  uki: 2M\n  ram: 64M\n"
    asked = ask(text, client(uki=3 * MEBIBYTE))
    check_golden(GOLDEN / "limits.txt", f"{told(asked)}\nlines: {places(asked)}\n", update=update_golden)


def test_a_limit_that_holds_changes_nothing() -> None:
    text = "base: debian\nlimits: {uki: 3M, ram: 1G}\n"
    asked = ask(text, client(uki=3 * MEBIBYTE))
    assert asked.error is None
    assert asked.warned == []
    assert not any(name.startswith("[report]") for definition in asked.solved for name in _names(definition))


def test_the_report_is_made_although_a_limit_is_exceeded() -> None:
    asked = ask("base: debian\nlimits: {uki: 2M}\n", client(uki=3 * MEBIBYTE), target="report")
    assert asked.error is None
    assert asked.warned == ["claylinux.yaml:2: `limits.uki`: the UKI is 3M, more than the limit of 2M"]
    assert names(asked)[-1] == "[report] sizes of claylinux"


def test_a_uki_that_firmware_may_refuse_is_a_warning() -> None:
    spec = load(b"base: debian\n", "claylinux.yaml")
    assert [*limits.warnings(spec, (1 << 30) - 1)] == []
    (small,) = limits.warnings(spec, 1 << 30)
    assert (small.severity, small.rule, small.range.start) == ("warning", "HugeSystem", (1, 7))
    assert small.message == (
        "the UKI is 1024M: some UEFI firmware cannot start images of 1 GiB or larger; "
        "`rootfs: {source: disk}` keeps the system beside it, and `--target report` shows what takes up the space"
    )
    (large,) = limits.warnings(spec, 5 << 29)
    assert large.message.startswith("the UKI is 2560M: UEFI firmware cannot start images of 2 GiB or larger;")


@pytest.mark.parametrize(("skip", "told_of"), [("unpinnedimage", ["[HugeSystem]"]), ("HugeSystem", []), ("all", [])])
def test_a_file_can_leave_out_that_its_system_is_huge(
    skip: str, told_of: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOW_FIRMWARE", 2 * MEBIBYTE)
    text = f"# check=skip={skip}\nbase: debian\n"
    asked = ask(text, client(uki=3 * MEBIBYTE, size=1 << 30))
    assert asked.error is None
    assert [warning.rpartition(" ")[2] for warning in asked.warned] == told_of


def test_the_memory_estimate_is_above_what_was_measured() -> None:
    """Least memory that booted a system of 566 MB, in OVMF and without (docs/internals/memory.md)."""
    uki, unpacked = 205 * MEBIBYTE, 580 * MEBIBYTE
    assert 1400 <= memory.required_ram("tmpfs", uki, unpacked, stub_adds=False) >> 20 <= 1550
    assert 600 <= memory.required_ram("overlay", uki, unpacked, stub_adds=False) >> 20 <= 800
    loaded_by_firmware = memory.required_ram("overlay", 512 * MEBIBYTE, 0, stub_adds=False)
    assert 1600 <= loaded_by_firmware >> 20 <= 1750


@pytest.mark.parametrize(
    ("uki", "os_release", "measured"),
    [(31.3, True, 240), (106.3, True, 560), (211.3, True, 980), (106.3, False, 400), (211.3, False, 750)],
)
def test_firmware_needs_little_less_than_the_estimate(uki: float, os_release: bool, measured: int) -> None:
    """Started by OVMF, the least with which none of 10 to 60 boots failed (docs/internals/memory.md)."""
    need = memory.required_ram("overlay", int(uki * MEBIBYTE), 0, stub_adds=os_release)
    assert measured <= need >> 20 <= measured + 100


def test_a_system_that_is_copied_needs_the_room_that_init_wants() -> None:
    """hello, from a disk in OVMF: with 216 MiB init says that it is too little, with 224 it goes on."""
    (wanted,) = re.findall(r"^#define REST \((\d+) \* MIB\)", (REPOSITORY / "init/copy.c").read_text(), re.MULTILINE)
    assert int(wanted) * MEBIBYTE == memory.LEFT
    need = memory.required_ram("overlay", 16_496_640, 0, stub_adds=False, copied=71_446_528)
    assert 224 <= need >> 20 <= 240


def _names(definition: Any) -> list[str]:
    return [vertex.name for vertex in definition.vertices.values()]


@pytest.mark.parametrize("more", [0, 1])
def test_a_limit_is_what_is_allowed(more: int) -> None:
    spec = load(b"base: debian-cloud\nlimits:\n  uki: 10M\n  ram: 20M\n", "f.yaml")
    found = list(limits.exceeded(spec, 10 * MEBIBYTE + more, 20 * MEBIBYTE + more))
    assert [(each.range.start.line, each.message.partition(":")[0]) for each in found] == (
        [(3, "`limits.uki`"), (4, "`limits.ram`")] if more else []
    )


@pytest.mark.parametrize(
    ("size", "warned"), [(1 << 30, True), ((1 << 30) - 1, False), (2 << 30, True), ((2 << 30) - 1, True)]
)
def test_sizes_that_firmware_may_not_start(size: int, warned: bool) -> None:
    spec = load(b"base: debian-cloud\n", "f.yaml")
    told_ = [each.message for each in limits.warnings(spec, size)]
    assert bool(told_) == warned
    if warned:
        other = [each.message for each in limits.warnings(spec, (1 << 30) if size >= 2 << 30 else (2 << 30))]
        assert told_ != other


def test_steps_of_an_image_are_at_their_keys() -> None:
    text = "base: debian-cloud\nkernel:\n  cmdline: [quiet]\nrootfs:\n  exclude: ['*.pyc']\n"
    asked = ask(text, target="image")
    assert asked.error is None, asked.error
    lines = {info.name: info.locations[0].start_line for info in asked.solved[-1].vertices.values() if info.locations}
    assert [line for name, line in lines.items() if name.startswith("[system] ") and "cmdline" in name] == [3]
    assert lines["[rootfs] exclude *.pyc"] == 5


@pytest.mark.parametrize(
    ("kernels", "version", "message", "line"),
    [
        (("6.12",), "6.1", "this system has no kernel `6.1`: it has 6.12", 4),
        (
            ("6.12", "6.11"),
            "",
            "this system has 2 kernels (6.12, 6.11): choose one (for example `kernel: {version: 6.11}`)",
            3,
        ),
    ],
)
def test_which_kernel_boots(kernels: tuple[str, ...], version: str, message: str, line: int) -> None:
    listed = [{"version": each, "path": f"boot/vmlinuz-{each}", "machine": "amd64"} for each in kernels]
    outputs = {"/report.json": json.dumps({**REPORT, "kernels": listed}).encode(), "/facts.json": facts()}
    chosen = f"  version: '{version}'\n" if version else ""
    client = ask(f"base: debian\nkernel:\n  cmdline: quiet\n{chosen}", FakeClient(outputs=outputs))
    assert (told(client), places(client)) == (message, [line])
