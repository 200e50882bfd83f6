"""The command line that the planner writes is the one that the imager reads."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from imager import __main__ as program
from imager import commands, contract
from imager.core.errors import UsageError
from imager.request import Request, join

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = (
    contract.Inspect(system="/system", output="/out/report.json"),
    contract.Initramfs(system="/system", init="/init", output="/out/a", compression="zstd:19", epoch=0),
    contract.Layer(
        system="/system", output="/out/a", number=2, epoch=0, below="/b", facts="/f", lower=("/0", "/1"), more=True
    ),
    contract.Uki(
        system="/system",
        kernel_version="6.1.0-1-amd64",
        initrd=("/a", "/b"),
        cmdline='--quiet console=ttyS0 "a b" --epoch',
        stub="/stub",
        architecture="amd64",
        output="--output",
        epoch=315_532_800,
        name="",
        version="1.0 ü",
    ),
    contract.Efi(uki="/u", output="/o", architecture="arm64", epoch=1),
    contract.Raw(uki="/u", output="/o", architecture="arm64", epoch=1, label="-x"),
    contract.Iso(uki="/u", output="/o", architecture="arm64", epoch=1),
    contract.Qcow2(uki="/u", output="/o", architecture="arm64", epoch=1, compress=True),
    contract.Vmdk(uki="/u", output="/o", architecture="arm64", epoch=1, subformat="monolithicSparse", compress=False),
    contract.Vhdx(uki="/u", output="/o", architecture="arm64", epoch=1),
    contract.Vhd(uki="/u", output="/o", architecture="arm64", epoch=1),
    contract.Vdi(uki="/u", output="/o", architecture="arm64", epoch=1),
    contract.Users(system="/system", user=('{"name": "me"}', "{}"), epoch=1),
    contract.Users(system="/system", group=('{"name": "data"}',), user=(), epoch=1),
    contract.Services(system="/system", service=('{"name": "agent"}',), epoch=1),
    contract.Network(system="/system", interface=('{"name": "eth0"}',), epoch=1),
    contract.Mounts(system="/system", mount=('{"point": "/data"}',), epoch=1),
    contract.Hashes(source="/secrets", name=("root_hash",), output="/out", epoch=1),
    contract.Folders(system="/system", folder=('{"path": "/srv"}',), epoch=1),
    contract.Link(system="/system", link=('{"path":"/etc/localtime","target":"/usr/share/zoneinfo/UTC"}',)),
    contract.Identity(system="/system", name="edge", version="1.4.0", epoch=1),
    contract.KernelTree(
        system="/system",
        output="/out/kernel.json",
        kernel_version="6.1",
        load=("br_netfilter",),
        required=("loop", "overlay"),
        include=("drivers/net/", "/fs/ext4"),
        firmware=("auto",),
        microcode=("amd", "intel"),
        epoch=1,
    ),
    contract.Sizes(system="/s", uki="/u", output="/o.json", text="/o.txt", name="edge", ram=1 << 29, mode="x", epoch=1),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.command)
def test_argv_is_read_back(request_: Request) -> None:
    assert commands.parse(request_.argv()) == (request_,)


def test_several_requests_are_read_back_in_order() -> None:
    words = join(REQUESTS)
    assert words.count("then") == len(REQUESTS) - 1
    assert commands.parse(words) == REQUESTS


def test_a_value_is_never_taken_for_the_next_request() -> None:
    request = contract.Link(system="then", link=("then", "--link"))
    assert commands.parse(join((request, request))) == (request, request)


def test_every_request_and_format_is_covered() -> None:
    kinds = {kind.command: kind for kind in vars(contract).values() if hasattr(kind, "command")}
    assert {type(request) for request in REQUESTS} == set(kinds.values())
    assert {command: commands.kind_of(command) for command in commands.COMMANDS} == kinds
    assert all(row.request in kinds.values() for row in contract.FORMATS.values())


def test_argv_is_what_the_architecture_says() -> None:
    request = contract.Link(system="/s", link=("/a=b", "/c=d"))
    assert request.argv() == ("link", "--system", "/s", "--link", "/a=b", "--link", "/c=d")


def test_requests_never_change() -> None:
    with pytest.raises(FrozenInstanceError):
        REQUESTS[0].system = "/other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no command given; the commands are inspect, initramfs, layer, uki, efi, raw, iso, qcow2, vmdk"),
        (["rwa"], "unknown command 'rwa'"),
        (["inspect", "--sytem", "x"], "inspect: unknown flag '--sytem'; the flags are --system, --output"),
        (["inspect", "--system"], "inspect: --system needs a value"),
        (["inspect", "--system", "x"], "inspect: --output is missing"),
        (["inspect", "--system", "x", "--system", "y"], "inspect: --system is given twice"),
        (["users", "--system", "x", "--epoch", "1e9"], "users: --epoch wants a whole number, not '1e9'"),
        (["inspect", "--system", "x", "--output", "y", "then"], "no command given"),
        (["inspect", "--system", "x", "--output", "y", "then", "rwa"], "unknown command 'rwa'"),
        (["inspect", "--system", "x", "then", "inspect"], "inspect: --output is missing"),
        (["qcow2", "--compress", "True"], "qcow2: --compress wants true or false, not 'True'"),
    ],
)
def test_wrong_usage_is_named(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        commands.parse(argv)
    assert message in str(caught.value)


def test_exit_codes_and_one_line_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert program.main(["--help"]) == 0
    assert "--kernel-version" in capfd.readouterr().out
    assert program.main(["nothing"]) == 2
    assert program.main(["inspect", "--system", str(tmp_path / "gone"), "--output", out]) == 1
    assert program.main(["inspect", "--system", str(tmp_path), "--output", str(tmp_path / "no/where")]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("imager: error: ") for line in lines)
    assert f"{tmp_path / 'gone'} is not a directory" in lines[1]
    assert "No such file or directory" in lines[2]


def test_nothing_is_done_after_a_request_that_failed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def look(place: str) -> contract.Inspect:
        return contract.Inspect(system=str(tmp_path / place), output=str(tmp_path / f"{place}.json"))

    for name in ("first", "last"):
        (tmp_path / name).mkdir()
    assert program.main(list(join((look("first"), look("gone"), look("last"))))) == 1
    assert [path.name for path in tmp_path.glob("*.json")] == ["first.json"]
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_full_disk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    assert program.main(["inspect", "--system", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert "no space left on the builder while writing" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_contract_is_cheap_to_import() -> None:
    """The planner imports it in every build: no program code, no pefile."""
    code = "import sys, imager.contract; print(*sorted(m for m in sys.modules if m.startswith(('imager', 'pefile'))))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == [
        "imager",
        "imager.contract",
        "imager.core",
        "imager.core.errors",
        "imager.request",
        *(f"imager.requests{module}" for module in ("", ".outputs", ".packing", ".reports", ".system")),
    ]
