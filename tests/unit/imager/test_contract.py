"""The command line that the planner writes is the one that the imager reads."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

import spec.install
import spec.keyboard
import spec.state
import spec.update
from frontend.distro.refusal import UNREACHABLE
from imager import __main__ as program
from imager import commands, failure
from imager.core.errors import UsageError
from imager.request import Request, join
from imager.requests.accounts import Hashes, Users
from imager.requests.files import Directories, Exclude, Links, Tree
from imager.requests.identity import Identity
from imager.requests.install import Install
from imager.requests.kernel import KernelTree
from imager.requests.mounts import DiskEntries, Mounts, Swap
from imager.requests.network import Network
from imager.requests.outputs import BY_FORMAT, Efi, Iso, Output, Qcow2, Raw, Vdi, Vhd, Vhdx, Vmdk
from imager.requests.packing import Initramfs, Layer, Uki
from imager.requests.region import Keyboard, Locale, TimeZone
from imager.requests.reports import Inspect, Sizes
from imager.requests.sbom import Sbom
from imager.requests.sealing import Layers, Seal
from imager.requests.secureboot import Check, Enroll, OvmfVars, Pcrs, Policy, Sign, ToSign
from imager.requests.services import Services
from imager.requests.state import State
from imager.requests.update import Index, Keys, Pieces, Update
from spec.accounts import Group, HashSecret, HashText, KeyFile, KeyText, User
from spec.files import CopiedFile, Directory, FetchedFile, Symlink
from spec.formats import FORMATS
from spec.mounts import DeviceMount, FileSystem, MemoryMount
from spec.network import AnyInterface, Bridge, Ethernet, Match, Nameservers, Route, Vlan
from spec.services import Service, ServiceCommand, ServiceSwitch
from spec.swap import DeviceSwap, ZramSwap
from spec.values.types import Owner, Share

if TYPE_CHECKING:
    from pathlib import Path

OWNER = Owner(user="me", group=0)
USERS = (
    User(name="me", password=HashText(hash=""), groups=("a", "b"), ssh_authorized_keys=(KeyText(line="k"),)),
    User(name="you", uid=0, password=HashSecret(secret="s"), ssh_authorized_keys=(KeyFile(source="k", context="c"),)),
)
SERVICES: dict[str, Service] = {
    "nginx": ServiceSwitch(start=True),
    "acpid": ServiceSwitch(start=False),
    "sshd": ServiceSwitch(start="boot"),
    "agent": ServiceCommand(command=("/a", ""), after=("net",), env={"A": "b"}, oneshot=True),
}
INTERFACES: dict[str, AnyInterface] = {
    "eth0": Ethernet(match=Match(name="e*"), routes=(Route(to="default", via="10.0.0.1", metric=0),)),
    "br0": Bridge(interfaces=("eth0",), nameservers=Nameservers(addresses=("9.9.9.9",))),
    "v7": Vlan(id=7, link="eth0"),
}
MOUNTS: dict[str, FileSystem] = {
    "/data": DeviceMount(device="LABEL=D", options=("noatime",), create=True, fstype="ext4"),
    "/a": MemoryMount(tmpfs=None),
    "/b": MemoryMount(tmpfs=Share(50)),
    "/c": MemoryMount(tmpfs=1 << 20),
}
REQUESTS = (
    Inspect(system="/system", output="/out/report.json"),
    Initramfs(system="/system", init="/init", output="/out/a", compression="zstd:19", epoch=0),
    Layer(system="/system", output="/out/a", number=2, epoch=0, below="/b", facts="/f", lower=("/0", "/1"), more=True),
    Uki(
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
    Efi(uki="/u", output="/o", architecture="arm64", epoch=1),
    Raw(uki="/u", output="/o", architecture="arm64", epoch=1, label="-x"),
    Iso(uki="/u", output="/o", architecture="arm64", epoch=1),
    Qcow2(uki="/u", output="/o", architecture="arm64", epoch=1, compress=True),
    Vmdk(uki="/u", output="/o", architecture="arm64", epoch=1, subformat="monolithicSparse", compress=False),
    Vhdx(uki="/u", output="/o", architecture="arm64", epoch=1),
    Vhd(uki="/u", output="/o", architecture="arm64", epoch=1),
    Vdi(uki="/u", output="/o", architecture="arm64", epoch=1),
    Users(system="/system", user=USERS, group=(Group(name="data"), Group(name="web", gid=0)), epoch=1),
    Users(system="/system", epoch=1),
    Services(system="/system", service=SERVICES, needed_by=("mounts",), lenient=True, epoch=1),
    Network(system="/system", interface=INTERFACES, epoch=1),
    Keyboard(system="/system", keyboard=spec.keyboard.Keyboard(layout="de", variant="nodeadkeys"), epoch=0),
    Swap(system="/system", swap=(ZramSwap(zram=Share(50)), ZramSwap(zram=1), DeviceSwap(device="LABEL=s")), epoch=0),
    TimeZone(system="/system", zone="Etc/GMT+1", epoch=0),
    Locale(system="/system", name="sr_RS.UTF-8@latin", epoch=0),
    Mounts(system="/system", mount=MOUNTS, epoch=1),
    State(system="/system", state=spec.state.State(size=1 << 30, required=True), persist=("/srv", "journal"), epoch=1),
    Keys(public=("/update/public/0", "/update/public/1"), key="/update/key", output="/out", epoch=1),
    Index(
        uki="/uki/uki.json",
        loader="/loader/loader.json",
        key="/update/key",
        trusted="/update/trusted",
        name="web",
        version="1.4.0",
        channel="edge",
        space=1 << 30,
        output="/out/uki.json",
        epoch=1,
    ),
    Pieces(uki="/update/made/uki.json", output="/out", epoch=1),
    Update(
        system="/system",
        update=spec.update.Update(
            source="oci://registry.example/web", health=spec.update.Health(services=("nginx",), command="true"), rate=1
        ),
        name="web",
        architecture="arm64",
        trusted="/update/trusted",
        ca="/update/ca.pem",
        epoch=1,
    ),
    Install(system="/system", install=spec.install.Install(disk="serial=a", auto=True, after="poweroff"), epoch=1),
    DiskEntries(system="/system", epoch=1),
    Hashes(source="/secrets", name=("root_hash",), output="/out", epoch=1),
    Directories(system="/system", directory={"/a": Directory(), "/b": Directory(mode=0, owner=OWNER)}, epoch=1),
    Tree(
        system="/system",
        source="/tree",
        path="/",
        wanted=Directory(mode=0o644, owner=Owner(user="www-data", group=None)),
        epoch=1000,
    ),
    Exclude(system="/system", pattern=("*.pyc", "/opt/**/x y/"), epoch=1),
    Seal(system="/system", epoch=1000, keep=("/etc/hostid",)),
    Layers(system="/system", output="/out/found.json", epoch=1000, tree=("/layers/0", "/layers/1"), keep=("/a",)),
    Links(system="/system", link={"/etc/localtime": Symlink(target="/usr/share/zoneinfo/UTC")}),
    Identity(system="/system", name="edge", version="1.4.0", epoch=1),
    KernelTree(
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
    Check(certificate="/c", key="/k", pcr_key="/p", output="/o", epoch=1),
    Policy(uki="/u.json", key="/p", output="/o.json", epoch=1),
    Pcrs(uki="/u.json", name="edge", output="/edge.pcrs.json", epoch=1),
    Sign(uki="/u.json", certificate="/c", signature="/s", output="/o.json", epoch=1),
    ToSign(uki="/u.json", certificate="/c", name="edge", output="/edge.tbs", epoch=1),
    Enroll(keys="/k", name="edge", loader="/l.efi", architecture="amd64", output="/o", epoch=1, label="KEYS"),
    OvmfVars(keys="/k", architecture="arm64", output="/o", epoch=1),
    Sbom(
        system="/system",
        output="/out/sbom",
        name="edge",
        generator="1",
        file={"/a": CopiedFile(source="a", git="https://git.example/a#v1"), "/b": FetchedFile(url="https://b.example")},
        tree=("/sources/0", ""),
        origin=("", ""),
        epoch=1,
    ),
    Sizes(
        system="/s",
        uki="/u",
        output="/o.json",
        text="/o.txt",
        page="/o.html",
        name="edge",
        unpacked=1,
        exclude=("x",),
        previous="/p",
        epoch=1,
    ),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.command())
def test_argv_is_read_back(request_: Request) -> None:
    assert commands.parse(request_.argv()) == (request_,)


def test_several_requests_are_read_back_in_order() -> None:
    words = join(REQUESTS)
    assert words.count("then") == len(REQUESTS) - 1
    assert commands.parse(words) == REQUESTS


def test_a_value_is_never_taken_for_the_next_request() -> None:
    request = Links(system="then", link={"then": Symlink(target="--link")})
    assert commands.parse(join((request, request))) == (request, request)


def test_every_request_and_format_is_covered() -> None:
    assert {type(request) for request in REQUESTS} == set(commands.kinds())
    assert set(BY_FORMAT) == set(FORMATS)
    assert set(BY_FORMAT.values()) < set(commands.kinds())


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_the_keys_that_its_request_has(name: str) -> None:
    own = {field.name for field in fields(BY_FORMAT[name])} - {field.name for field in fields(Output)}
    assert own == set(FORMATS[name].keys)


def test_every_request_has_a_module_that_performs_it() -> None:
    assert all(callable(import_module(f"imager.{kind.performed_by}").run) for kind in commands.kinds())


def test_argv_is_what_the_architecture_says() -> None:
    request = Links(system="/s", link={"/a=b": Symlink(target="c")})
    assert request.argv() == ("files.Links", "--system", "/s", "--link", '["/a=b",{"":"Symlink","target":"c"}]')
    assert Users(system="/s", user=(User(name="me"),), epoch=1).argv()[3:5] == ("--user", '{"":"User","name":"me"}')


def test_requests_never_change() -> None:
    with pytest.raises(FrozenInstanceError):
        REQUESTS[0].system = "/other"  # type: ignore[misc]


INSPECT, ACCOUNTS = "reports.Inspect", "accounts.Users"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no command given; the commands are accounts.Hashes, accounts.Users, files.Directories"),
        (["rwa"], "unknown command 'rwa'"),
        (["outputs.Rwa"], "unknown command 'outputs.Rwa'"),
        (["outputs.Disk"], "unknown command 'outputs.Disk'"),
        (["outputs.Request"], "unknown command 'outputs.Request'"),
        ([INSPECT, "--sytem", "x"], "reports.Inspect: unknown flag '--sytem'; the flags are --system, --output"),
        ([INSPECT, "--system"], "reports.Inspect: --system needs a value"),
        ([INSPECT, "--system", "x"], "reports.Inspect: --output is missing"),
        ([INSPECT, "--system", "x", "--system", "y"], "reports.Inspect: --system: is given twice"),
        ([ACCOUNTS, "--system", "x", "--epoch", "1e9"], "accounts.Users: --epoch: expected a whole number, got '1e9'"),
        ([ACCOUNTS, "--user", "{"], "accounts.Users: --user: "),
        ([ACCOUNTS, "--user", '{"":"Path"}'], "accounts.Users: --user: 'Path'"),
        ([ACCOUNTS, "--user", '{"":"User","nam":"x"}'], "accounts.Users: --user: "),
        ([INSPECT, "--system", "x", "--output", "y", "then"], "no command given"),
        ([INSPECT, "--system", "x", "--output", "y", "then", "rwa"], "unknown command 'rwa'"),
        ([INSPECT, "--system", "x", "then", INSPECT], "reports.Inspect: --output is missing"),
        (["outputs.Qcow2", "--compress", "True"], "outputs.Qcow2: --compress: expected true or false, got 'True'"),
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
    assert program.main([INSPECT, "--system", str(tmp_path / "gone"), "--output", out]) == 1
    assert program.main([INSPECT, "--system", str(tmp_path), "--output", str(tmp_path / "no/where")]) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("imager: error: ") for line in lines)
    assert f"{tmp_path / 'gone'} is not a directory" in lines[1]
    assert "No such file or directory" in lines[2]


def test_nothing_is_done_after_a_request_that_failed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def look(place: str) -> Inspect:
        return Inspect(system=str(tmp_path / place), output=str(tmp_path / f"{place}.json"))

    for name in ("first", "last"):
        (tmp_path / name).mkdir()
    code = program.main(list(join((look("first"), look("gone"), look("last")))))
    assert failure.parted(code) == (1, failure.FAILED)
    assert [path.name for path in tmp_path.glob("*.json")] == ["first.json"]
    assert len(capfd.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("number", range(15))
@pytest.mark.parametrize("code", [failure.FAILED, failure.MISUSED])
def test_an_exit_code_tells_which_request_failed(number: int, code: int) -> None:
    told = failure.numbered(code, number)
    assert failure.parted(told) == (number, code)
    assert 0 < told < 126, "the codes behind are a shell's"
    assert told != UNREACHABLE
    assert failure.numbered(failure.DONE, number) == failure.DONE


def test_a_full_disk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    assert program.main([INSPECT, "--system", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert "no space left on the builder while writing" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_requests_are_cheap_to_import() -> None:
    """The planner imports them in every build: no program code, no pefile. A step has only its own, and no grammar."""
    code = "import sys, imager.commands as c; c.kind_of(sys.argv[1]); print(*sorted(sys.modules))"
    heavy = {"re", "imager.commands", "pefile"}
    last = {module: command for module, _, command in (kind.command().partition(".") for kind in commands.kinds())}
    for module, name in last.items():
        command = f"{module}.{name}"
        done = subprocess.run([sys.executable, "-S", "-c", code, command], capture_output=True, text=True, check=True)
        found = {name for name in done.stdout.split() if name.startswith(("imager.", "spec.", "pefile"))} - heavy
        assert {name for name in found if name.startswith("imager.requests.")} == {f"imager.requests.{module}"}
        assert not any(name.startswith("spec.values.") for name in found - {"spec.values.types"}), command
