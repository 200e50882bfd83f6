"""A system whose modules, firmware and microcode are reduced to what was asked for."""

from __future__ import annotations

import json
import lzma
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest

from imager.core import tools
from imager.core.errors import ImagerError, ToolError
from imager.initramfs import bootstrap
from imager.kernel import firmware, kernel_tree
from imager.requests.kernel import KernelTree
from imager.rootfs import removal
from imager.rootfs.root import Root
from tests.support.imager import EPOCH, read_newc
from tests.unit.imager.kernel.test_modules import make_module

VERSION = "6.1.0-1-amd64"
MODULES = f"usr/lib/modules/{VERSION}"
FIRMWARE = "usr/lib/firmware"
FIELDS = {
    "kernel/net/wifi.ko.xz": ("firmware=wifi-77.ucode", "firmware=wifi-*.pnvm", "firmware=vendor/model/blob.bin"),
    "kernel/net/mac.ko.xz": (),
    "kernel/gpu/gpu.ko": ("firmware=gpu/one.bin",),
    "kernel/fs/overlay.ko": (),
}


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "system"
    for name, fields in FIELDS.items():
        place = path / MODULES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        module = make_module(*fields)
        place.write_bytes(lzma.compress(module) if place.suffix == ".xz" else module)
    dep = {name: "kernel/net/mac.ko.xz" if "wifi" in name else "" for name in FIELDS}
    (path / MODULES / "modules.dep").write_text("".join(f"{name}: {needs}\n" for name, needs in dep.items()))
    (path / MODULES / "modules.builtin.modinfo").write_bytes(b"disk.license=GPL\0disk.firmware=disk.bin\0")
    for name in (
        "wifi-77.ucode.zst",
        "wifi-1.pnvm",
        "wifi-1.bin",
        "gpu/one.bin",
        "disk.bin",
        "real/blob.bin",
        "old/x/y",
    ):
        place = path / FIRMWARE / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"12345")
    (path / FIRMWARE / "vendor").mkdir()
    (path / FIRMWARE / "vendor/model").symlink_to("../real")
    (path / FIRMWARE / "wifi-2.pnvm").symlink_to("wifi-3.pnvm")
    (path / FIRMWARE / "wifi-3.pnvm").symlink_to("/etc/alternatives/pnvm")
    (path / FIRMWARE / "chosen").write_bytes(b"12345")
    (path / "etc/alternatives").mkdir(parents=True)
    (path / "etc/alternatives/pnvm").symlink_to(f"/{FIRMWARE}/chosen")
    (path / "lib").symlink_to("usr/lib")
    return path


@pytest.fixture(autouse=True)
def depmods(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for depmod: drop what is gone from modules.dep, as the real one does in tests/engine."""
    calls: list[str] = []

    def run(argv: tuple[str, ...], *, memory: int) -> bytes:
        name, flag, base, version = argv
        assert (name, flag) == ("depmod", "--basedir")
        folder = Path(base) / "lib/modules" / version
        assert (Path(base) / "usr/lib/modules" / version).samefile(folder)
        calls.append(version)
        paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.ko*"))
        (folder / "modules.dep").write_text("".join(f"{path}:\n" for path in paths))
        return b""

    monkeypatch.setattr(tools, "run", run)
    return calls


def reduce(system: Path, **options: Any) -> dict[str, Any]:
    out = system.parent / "kernel.json"
    kernel_tree.run(KernelTree(system=str(system), output=str(out), epoch=EPOCH, **options))
    found: dict[str, Any] = json.loads(out.read_text())
    assert [path.name for path in system.parent.iterdir() if path != system] == ["kernel.json"]
    return found


def modules(system: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in (system / MODULES).rglob("*.ko*"))


def firmware_of(system: Path) -> list[str]:
    return list(firmware.find(Root(system)).files)


def test_modules_are_removed_and_their_lists_written_anew(system: Path, depmods: list[str]) -> None:
    before = firmware_of(system)
    size = (system / MODULES / "kernel/gpu/gpu.ko").stat().st_size
    found = reduce(system, exclude=("gpu/", "mac", "sound/"), load=("owerlay",))
    assert modules(system) == ["mac", "overlay", "wifi"]
    assert not (system / MODULES / "kernel/gpu").exists()
    assert depmods == [VERSION]
    for name in (".", "kernel", "modules.dep"):
        assert (system / MODULES / name).stat().st_mtime == EPOCH
    assert firmware_of(system) == before
    assert found == {
        "missing_firmware": {},
        "missing_microcode": [],
        "not_excluded": {VERSION: ["sound/"]},
        "not_included": {VERSION: []},
        "removed": {"firmware": 0, "modules": size},
        "similar": {VERSION: {"owerlay": "overlay"}},
        "unmatched_firmware": [],
    }


def test_modules_for_a_purpose_and_a_machine(system: Path, tmp_path: Path, depmods: list[str]) -> None:
    """A machine brings back what the set leaves out, which the report tells, and the firmware of that."""
    machine = tmp_path / "machines/0"
    machine.parent.mkdir()
    machine.write_text("pci:v00008086d00000001sv0\n")
    for old, new in (("kernel/gpu", "kernel/drivers/gpu"), ("kernel/net", "kernel/drivers/net/wireless")):
        (system / MODULES / new).parent.mkdir(parents=True, exist_ok=True)
        (system / MODULES / old).rename(system / MODULES / new)
    dep = system / MODULES / "modules.dep"
    moved = (
        dep.read_text().replace("kernel/gpu", "kernel/drivers/gpu").replace("kernel/net", "kernel/drivers/net/wireless")
    )
    dep.write_text(moved)
    (system / MODULES / "modules.alias").write_text("alias pci:v*d00000001sv* gpu\nalias pci:v*d00000002sv* wifi\n")
    out = tmp_path / "machines/kernel.json"
    request = KernelTree(
        system=str(system),
        output=str(out),
        purpose=("server",),
        machine=(str(machine),),
        firmware=("auto",),
        epoch=EPOCH,
    )
    kernel_tree.run(request)
    assert modules(system) == ["gpu", "overlay"]
    assert json.loads(out.read_text())["beyond"] == {VERSION: ["gpu"]}
    assert firmware_of(system) == ["disk.bin", "gpu/one.bin"]
    assert depmods == [VERSION]


def test_firmware_that_modules_ask_for_stays(system: Path) -> None:
    """Compressed, by pattern, through links to folders and files, and for what is built into the kernel."""
    found = reduce(system, include=("wifi",), firmware=("auto",))
    assert modules(system) == ["mac", "wifi"]
    assert firmware_of(system) == [
        "chosen",
        "disk.bin",
        "real/blob.bin",
        "vendor/model",
        "wifi-1.pnvm",
        "wifi-2.pnvm",
        "wifi-3.pnvm",
        "wifi-77.ucode.zst",
    ]
    assert not (system / FIRMWARE / "old").exists()
    assert found["removed"]["firmware"] == 15
    assert found["missing_firmware"] == {}


def test_firmware_by_name_and_pattern(system: Path) -> None:
    found = reduce(system, firmware=("gpu/", "wifi-?.bin", "none-*", "wifi-77.ucode", "x/y"))
    assert firmware_of(system) == ["gpu/one.bin", "wifi-1.bin", "wifi-77.ucode.zst"]
    assert found["unmatched_firmware"] == ["none-*", "x/y"]
    assert len(modules(system)) == len(FIELDS)


def test_no_firmware(system: Path, depmods: list[str]) -> None:
    reduce(system, firmware=("none",))
    assert firmware_of(system) == []
    assert list((system / FIRMWARE).iterdir()) == []
    assert depmods == []


def test_missing_firmware_is_told_for_what_was_asked_for_by_name(system: Path) -> None:
    (system / FIRMWARE / "gpu/one.bin").unlink()
    assert reduce(system, firmware=("auto",))["missing_firmware"] == {}
    assert reduce(system, firmware=("auto",), load=("gpu",))["missing_firmware"] == {"gpu": ["gpu/one.bin"]}
    assert reduce(system, firmware=("auto",), include=("gpu",))["missing_firmware"] == {"gpu": ["gpu/one.bin"]}


def test_microcode_is_made_of_its_parts(system: Path) -> None:
    for name, data in (
        ("06-0f-0b", b"B"),
        ("06-0f-0a.initramfs", b"A"),
        ("06-0f-0c.xz", lzma.compress(b"C")),
        ("doc", b"?"),
    ):
        place = system / FIRMWARE / "intel-ucode" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
    (system / "boot").mkdir()
    (system / "boot/amd-ucode.img").write_bytes(b"070701 made by the distribution")
    assert reduce(system, microcode=("amd", "intel"))["missing_microcode"] == []
    image = system / "boot/intel-ucode.img"
    members = read_newc(image.read_bytes())
    assert [(member.name, member.data) for member in members][-1] == (b"kernel/x86/microcode/GenuineIntel.bin", b"ABC")
    assert {member.mtime for member in members} == {EPOCH}
    assert {member.mode for member in members} == {0o40755, 0o100644}
    assert image.stat().st_mtime == (system / "boot").stat().st_mtime == EPOCH
    assert (system / "boot/amd-ucode.img").read_bytes() == b"070701 made by the distribution"
    assert [path for path in firmware_of(system) if "ucode/" in path] == ["intel-ucode/doc"]
    image.unlink()
    (system / "boot/amd-ucode.img").unlink()
    (system / FIRMWARE / "amd-ucode").mkdir()
    for name, data in (("_fam17h.bin", b"2"), (".bin", b"1"), (".bin.asc", b"?")):
        (system / FIRMWARE / f"amd-ucode/microcode_amd{name}").write_bytes(data)
    assert reduce(system, microcode=("amd",), firmware=("none",))["missing_microcode"] == []
    amd = read_newc((system / "boot/amd-ucode.img").read_bytes())[-1]
    assert (amd.name, amd.data) == (b"kernel/x86/microcode/AuthenticAMD.bin", b"12")
    assert reduce(system, microcode=("intel",))["missing_microcode"] == ["intel"]


def test_a_system_without_anything(tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    found = reduce(tmp_path / "system", include=("x",), firmware=("auto", "y"), microcode=("intel",))
    assert found["missing_microcode"] == ["intel"]
    assert found["unmatched_firmware"] == ["y"]
    assert list((tmp_path / "system").iterdir()) == []


def test_a_kernel_without_lists_gets_them(system: Path, depmods: list[str]) -> None:
    (system / MODULES / "modules.dep").unlink()
    assert reduce(system, include=("mac",))["not_included"] == {VERSION: []}
    assert len(depmods) == 2
    assert modules(system) == ["mac"]


def test_only_the_kernel_that_was_named(system: Path, depmods: list[str]) -> None:
    assert reduce(system, kernel_version="9", exclude=("gpu/",))["not_excluded"] == {}
    assert len(modules(system)) == len(FIELDS)
    assert depmods == []


def test_a_failure_of_depmod_leaves_no_scratch(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: tuple[str, ...], *, memory: int) -> bytes:
        raise ToolError(f"{argv[0]} failed (exit code 1)")

    monkeypatch.setattr(tools, "run", fail)
    with pytest.raises(ToolError, match="depmod failed"):
        reduce(system, exclude=("gpu/",))
    assert [path.name for path in system.parent.iterdir()] == ["system"]


def test_links_lead_to_the_system_not_to_the_builder(system: Path, tmp_path: Path) -> None:
    """An absolute link is one of the system's; what it would lead to on the builder is not touched."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "overlay.ko").write_bytes(make_module("firmware=wifi-1.bin"))
    (system / str(outside)[1:]).mkdir(parents=True)
    (system / str(outside)[1:] / "overlay.ko").write_bytes(make_module("firmware=gpu/one.bin"))
    shutil.rmtree(system / MODULES / "kernel/fs")
    (system / MODULES / "kernel/fs").symlink_to(outside)
    reduce(system, firmware=("auto",), include=("overlay",))
    assert firmware_of(system) == ["disk.bin", "gpu/one.bin"]
    (system / str(outside)[1:] / "overlay.ko").unlink()
    (system / MODULES / "modules.dep").write_text("kernel/fs/overlay.ko:\n")
    with pytest.raises(ImagerError, match="lists the module"):
        reduce(system, firmware=("auto",))
    assert (outside / "overlay.ko").exists()


def test_what_is_linked_from_outside_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "folder/own").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for name in ("folder/own/a", "outside/a"):
        (tmp_path / name).write_text("12345")
    (tmp_path / "folder/linked").symlink_to(tmp_path / "outside")
    assert removal.remove(Root(tmp_path), "folder", ("linked/a", "own/a"), EPOCH) == 5
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "folder", "linked", "outside"]


def test_the_modules_of_a_starter_are_those_of_the_system(system: Path, tmp_path: Path) -> None:
    """Nothing of the builder gets into an image, whatever links say."""
    names = [f"kernel/{name}.ko" for name in bootstrap.NEEDED]
    (system / MODULES / "modules.dep").write_text("".join(f"{name}:\n" for name in names))
    for where, text in ((tmp_path, b"builder"), (system / str(tmp_path)[1:], b"system")):
        where.mkdir(parents=True, exist_ok=True)
        (where / "module").write_bytes(text)
    for name in names:
        (system / MODULES / name).parent.mkdir(exist_ok=True)
        (system / MODULES / name).symlink_to(tmp_path / "module")
    (tmp_path / "init").write_bytes(b"init")
    made = zlib.decompress(bootstrap.archive(Root(system), VERSION, tmp_path / "init", 1, EPOCH), zlib.MAX_WBITS | 16)
    assert [member.data for member in read_newc(made) if member.name.endswith(b".ko")] == [b"system"] * 3
