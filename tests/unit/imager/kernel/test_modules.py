"""The modules of a kernel: their lists, their files, and which of them stay."""

from __future__ import annotations

import gzip
import lzma
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from imager.core.errors import ImagerError
from imager.kernel import moddep, modfile, module_filter
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from pathlib import Path

DEP = """\
kernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko.xz kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz
kernel/net/bridge/bridge.ko.xz: kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz
kernel/net/802/stp.ko.xz: kernel/net/llc/llc.ko.xz
kernel/net/llc/llc.ko.xz:
kernel/fs/btrfs/btrfs.ko.xz:
kernel/crypto/crc32c_generic.ko.xz:
kernel/drivers/gpu/drm/drm.ko.xz:
kernel/drivers/gpu/drm/i915/i915.ko.xz: kernel/drivers/gpu/drm/drm.ko.xz
kernel/drivers/net/veth.ko.xz:
kernel/drivers/net/wireless/ath/ath9k.ko.xz:
kernel/fs/overlayfs/overlay.ko.xz:
updates/dkms/zfs-core.ko:
"""
BUILTIN = "kernel/fs/ext4/ext4.ko\nkernel/net/unix/unix.ko\n"
SOFTDEP = "# text\nsoftdep btrfs pre: crypto-crc32c nothing post: veth\nsoftdep odd\nsoftdep\n"
ALIAS = "alias crypto-crc32c crc32c_generic\nalias pci:v1* i915\nalias rtnl-link-veth veth\nalias short\n"


@pytest.fixture
def modules() -> moddep.Modules:
    return moddep.parse(DEP, BUILTIN, SOFTDEP, ALIAS)


def test_names_are_those_of_modprobe(modules: moddep.Modules) -> None:
    assert modules.paths["zfs_core"] == "updates/dkms/zfs-core.ko"
    assert modules.paths["veth"] == "kernel/drivers/net/veth.ko.xz"
    for name in ("br-netfilter", "br_netfilter", "ext4", "zfs-core", "rtnl-link-veth"):
        assert name in modules
    for name in ("br_netfiler", "pci:v1*", "short", ""):
        assert name not in modules
    assert moddep.similar("br-netfiler", modules) == "br_netfilter"
    assert moddep.similar("0000", modules) is None


def test_what_is_needed_is_loaded_first(modules: moddep.Modules) -> None:
    assert modules.load_order(["br-netfilter", "ext4", "nothing", "veth"]) == (
        "llc",
        "stp",
        "bridge",
        "br_netfilter",
        "veth",
    )


def test_modules_that_need_each_other_end() -> None:
    loop = moddep.parse("a.ko: b.ko\nb.ko: a.ko\n", softdep="softdep a pre: x\n", alias="alias x y\nalias y x\n")
    assert set(loop.load_order(["a"])) == {"a", "b"}
    assert loop.closure(["a"]) == {"a", "b"}


def test_soft_dependencies_stay_too(modules: moddep.Modules) -> None:
    assert modules.closure(["btrfs"]) == {"btrfs", "crc32c_generic", "veth"}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("veth", {"veth"}),
        ("veth.ko.xz", {"veth"}),
        ("br-net*", {"br_netfilter"}),
        ("[a-b]tr?s", {"btrfs"}),
        ("[!a-u]*", {"veth", "zfs_core"}),
        ("ext4", {"ext4"}),
        ("/fs/ext4", {"ext4"}),
        ("drivers/gpu/", {"drm", "i915"}),
        ("gpu/", {"drm", "i915"}),
        ("/gpu/", set()),
        ("drm/i915", {"i915"}),
        ("drivers/*/veth", {"veth"}),
        ("drivers/*/", {"drm", "i915", "veth", "ath9k"}),
        ("*/ath9k", {"ath9k"}),
        ("/updates/", {"zfs_core"}),
        ("dkms/zfs_core", {"zfs_core"}),
        ("net", set()),
        ("fs/", {"btrfs", "overlay", "ext4"}),
        ("/", set()),
        ("nothing", set()),
    ],
)
def test_patterns(modules: moddep.Modules, pattern: str, found: set[str]) -> None:
    assert module_filter.matching(modules, pattern) == found


def test_exclude_removes_what_nothing_needs(modules: moddep.Modules) -> None:
    chosen = module_filter.choose(modules, (), ("drivers/gpu/", "/net/", "drm", "sound/", "ext4"), ("bridge",))
    assert set(modules.paths) - chosen.keep == {"drm", "i915", "br_netfilter"}
    assert chosen.not_excluded == ("sound/", "ext4")
    assert module_filter.choose(modules, (), ("drm",), ()).keep == frozenset(modules.paths)


def test_include_keeps_that_and_what_it_needs(modules: moddep.Modules) -> None:
    chosen = module_filter.choose(
        modules, ("br_netfilter", "drivers/", "/fs/ext4", "no*"), ("gpu/", "wireless/"), ("overlay",)
    )
    assert chosen.keep == {"br_netfilter", "bridge", "stp", "llc", "veth", "overlay"}
    assert chosen.not_included == ("no*",)
    assert chosen.named == {"br_netfilter"}


def test_lists_are_found_below_lib(tmp_path: Path, modules: moddep.Modules) -> None:
    folder = tmp_path / "lib/modules/6.1"
    folder.mkdir(parents=True)
    for kind, text in (("dep", DEP), ("builtin", BUILTIN), ("softdep", SOFTDEP), ("alias", ALIAS)):
        (folder / f"modules.{kind}").write_text(text)
    assert moddep.load(Root(tmp_path), "6.1") == modules
    assert moddep.load(Root(tmp_path), "6.2") == moddep.Modules()


def make_module(*fields: str) -> bytes:
    """Make an ELF file with a .modinfo section."""
    info = b"".join(f"{field}\0".encode() for field in fields)
    names = b"\0.modinfo\0.shstrtab\0"
    at = 64 + len(info)
    table = at + len(names)
    sections = [(0, 0, 0, 0, 0, 0), (1, 1, 2, 0, 64, len(info)), (10, 3, 0, 0, at, len(names))]
    rows = b"".join(struct.pack("<IIQQQQ24x", *section) for section in sections)
    head = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2
    )
    return head + info + names + rows


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
def test_what_a_module_says_of_itself(tmp_path: Path, ending: str) -> None:
    module = make_module("license=GPL", "firmware=a/b.bin", "odd", "firmware=c*.bin")
    place = tmp_path / f"x.ko{ending}"
    if ending == ".zst":
        if shutil.which("zstd") is None:
            pytest.skip("zstd is not installed")
        packed = subprocess.run(["zstd", "-c"], input=module, capture_output=True, check=True).stdout
    else:
        packed = {"": module, ".gz": gzip.compress(module), ".xz": lzma.compress(module)}[ending]
    place.write_bytes(packed)
    root = Root(tmp_path)
    fields = tuple(modfile.modinfo(modfile.read(root, place.name)))
    assert fields == (("license", "GPL"), ("firmware", "a/b.bin"), ("firmware", "c*.bin"))
    if ending:
        place.write_bytes(packed[:-9])
        with pytest.raises(ImagerError, match=r"x\.ko\.\w+ is damaged"):
            modfile.read(root, place.name)


def test_what_is_no_module_says_nothing() -> None:
    module = make_module("license=GPL")
    for program in (b"", b"\x7fELF\2\1", b"#!/bin/sh".ljust(200), module[:100], module[:-40]):
        assert list(modfile.modinfo(program)) == []


@pytest.mark.parametrize("start", [b"\x7fELF\x01\x01", b"\x7fELF\x02\x02", b"\x7fELG\x02\x01", b"MZ\0\0\0\0"])
def test_only_programs_of_64_bits_have_fields(start: bytes) -> None:
    program = make_module("name=x")
    assert list(modfile.modinfo(program)) == [("name", "x")]
    assert list(modfile.modinfo(start + program[6:])) == []
