"""The explanation that a test of reproducible builds gives."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from imager.__main__ import main
from imager.archive import cpio
from imager.initramfs import layer_archive
from imager.request import Request
from imager.requests.outputs import BY_FORMAT
from imager.requests.packing import Initramfs, Uki
from tests.support.differ import explain, first_difference
from tests.support.imager import EPOCH, make_pe, make_system, output_of
from tests.support.vm import require_tool

MEDIA = tuple(name for name in BY_FORMAT if name != "efi")
WHERE = {
    "raw": "",
    "iso": "",
    "vhd": "",
    "qcow2": "the qcow2 data clusters; ",
    "vmdk": "the vmdk grain of sector ",
    "vhdx": "the vhdx blocks; ",
    "vdi": "the vdi blocks; ",
}
"""How the byte is called where the content differs."""
INITRD = r"in the UKI, section \.initrd, byte [\d,]+: "
SIZE = r"in the headers of the UKI; section \.initrd, byte [\d,]+: "
PLACES = [
    ("raw", 0, "the protective MBR"),
    ("raw", 512, "the GPT header"),
    ("raw", 1024, "the GPT's partition entries"),
    ("raw", 1 << 20, "the boot sectors of the ESP"),
    ("raw", (1 << 20) + 62 * 512, "the file allocation tables of the ESP"),
    ("raw", -1, "the backup GPT header"),
    ("iso", 32768, "the CD's volume descriptors"),
    ("vhd", -20, "the vhd footer"),
    ("qcow2", 103, "the qcow2 header"),
    ("qcow2", 65536, "the qcow2 L1 table"),
    ("qcow2", 131072, "a qcow2 L2 table"),
    ("qcow2", -1, "the qcow2 refcount table"),
    ("vmdk", 4, "the vmdk header"),
    ("vmdk", 600, "the vmdk descriptor"),
    ("vmdk", -1, "a vmdk end mark"),
    ("vhdx", 0, "the vhdx file identifier"),
    ("vhdx", 131072, "the vhdx header 2"),
    ("vhdx", 2 << 20, "the vhdx metadata"),
    ("vdi", 0x188, "the vdi header"),
    ("vdi", 512, "the vdi block map"),
]
"""Bytes of every format, from the end where they are negative."""


def build(folder: Path, motd: str, compression: str = "zstd:1") -> Path:
    """A UKI, and disks that hold it, of a system with this file."""
    folder.mkdir()
    system = make_system(folder / "system")
    (system / "etc/motd").write_text(motd)
    (folder / "init").write_bytes(b"init")
    out = folder / "initrd"
    at: dict[str, Any] = {"system": str(system), "output": str(out), "epoch": EPOCH}
    do(Initramfs(init=str(folder / "init"), compression=compression, **at))
    join(folder, out)
    for name in MEDIA if compression == "zstd:1" else ():
        make = BY_FORMAT[name]
        output = str(folder / f"x.{name}")
        do(make(uki=str(folder / "x.json"), output=output, architecture="amd64", epoch=EPOCH))
    return folder


def do(request: Request) -> None:
    assert main(list(request.argv())) == 0


def join(folder: Path, *initrd: Path) -> None:
    """Make the UKI of the system in `folder`."""
    (folder / "stub").write_bytes(make_pe())
    request = Uki(
        system=str(folder / "system"), kernel_version="6.1.0-1-amd64", initrd=tuple(map(str, initrd)), cmdline="",
        architecture="amd64", stub=str(folder / "stub"), output=str(folder / "x.json"), epoch=EPOCH,
    )  # fmt: skip
    do(request)
    do(output_of(request, folder / "x.efi"))


def build_layers(folder: Path, motd: str) -> Path:
    """A UKI as overlay mode has it: archives that are not compressed, and a squashfs in the second one."""
    folder.mkdir()
    system = make_system(folder / "system")
    (system / "etc/motd").write_text(motd)
    image, first, second = folder / "image", folder / "first", folder / "second"
    argv = ["mksquashfs", str(system), str(image), "-noappend", "-comp", "zstd", "-all-time", "0", "-mkfs-time", "0"]
    subprocess.run(argv, check=True, capture_output=True)
    first.write_bytes(cpio.header(b"init", ino=1, mode=0o100755, size=4) + b"init" + cpio.TRAILER)
    data = image.read_bytes()
    tail = cpio.header(b".claylinux/layers/0.xattrs", ino=2, mode=0o100600) + cpio.TRAILER
    second.write_bytes(layer_archive.head(image, 0, EPOCH) + data + tail)
    join(folder, first, second)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Images of two systems that differ in one file."""
    folder = tmp_path_factory.mktemp("pair")
    return build(folder / "one", "hello"), build(folder / "other", "HELLO")


def changed(path: Path, scratch: Path, offset: int) -> Path:
    """A copy of a file with one byte changed; from the end where `offset` is negative."""
    copy = scratch / "changed" / path.name
    copy.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, copy)
    with copy.open("r+b") as file:
        file.seek(offset, 2 if offset < 0 else 0)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    return copy


def test_the_first_byte_is_found(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a" * (3 << 20))
    other.write_bytes(b"a" * (2 << 20) + b"b" + b"a" * ((1 << 20) - 1))
    assert first_difference(one, one) is None
    assert first_difference(one, other) == 2 << 20
    other.write_bytes(b"a" * 5)
    assert first_difference(one, other) == 5


def test_the_file_of_the_system_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = pair
    assert explain(one / "x.efi", one / "x.efi") == ""
    told = explain(one / "x.efi", other / "x.efi")
    assert re.search(INITRD + r"archive 1: other content or metadata of etc/motd$", told)
    only_packed_otherwise = build(tmp_path / "level", "hello", "zstd:19") / "x.efi"
    told = explain(one / "x.efi", only_packed_otherwise)
    assert re.search(SIZE + r"archive 1: the same files, packed otherwise$", told)


@pytest.mark.parametrize("compression", ["none", "gz", "xz", "lz4"])
def test_in_any_compression(tmp_path: Path, compression: str) -> None:
    require_tool("lz4")
    one, other = (build(tmp_path / motd, motd, compression) / "x.efi" for motd in ("hello", "HELLO"))
    end = "archive 1, etc/motd, byte 0$" if compression == "none" else "archive 1: other content or .* of etc/motd$"
    assert re.search(f"({INITRD}|{SIZE}){end}", explain(one, other))


def test_the_file_in_a_layer_is_named(tmp_path: Path) -> None:
    require_tool("mksquashfs", "unsquashfs")
    one, other = (build_layers(tmp_path / motd, motd) / "x.efi" for motd in ("hello", "HELLO"))
    told = explain(one, other)
    layer = r"archive 2, \.claylinux/layers/0\.img, "
    assert re.search(INITRD + layer + r"byte \d+ \(squashfs: [a-z ]+\): other .* of etc/motd$", told)
    longer = build_layers(tmp_path / "longer", "".join(map(str, range(20_000)))) / "x.efi"
    told = explain(one, longer)
    assert re.search(SIZE + layer + r"its header: other content or metadata of etc/motd$", told)
    start = one.read_bytes().index(b"hsqs")
    told = explain(one, changed(one, tmp_path, start + 8))  # when it was made
    assert re.search(INITRD + layer + r"byte 8 \(squashfs: superblock\): the same files, packed otherwise$", told)


@pytest.mark.parametrize("name", MEDIA)
def test_so_it_is_in_every_format(pair: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    """One byte of the system, the same place of the disk in all of them."""
    one, _ = pair
    uki = one / "x.efi"
    image = one / f"x.{name}"
    system = uki.read_bytes().index(b"\x28\xb5\x2f\xfd") + 200
    found = image.read_bytes().find(uki.read_bytes()[system - 50 : system + 50])
    assert found > 0
    told = explain(image, changed(image, tmp_path, found + 50), uki)
    assert re.match(rf"x\.{name} differs first at byte {found + 50:,} ", told)
    assert WHERE[name] in told
    if name != "vmdk":  # its grains have checksums: QEMU reads the other one no more
        assert ": in the UKI, section .initrd, byte 200: archive 1" in told


@pytest.mark.parametrize(("name", "offset", "place"), PLACES)
def test_what_is_not_of_the_system(pair: tuple[Path, Path], tmp_path: Path, name: str, offset: int, place: str) -> None:
    require_tool("qemu-img")
    one, _ = pair
    image = one / f"x.{name}"
    told = explain(image, changed(image, tmp_path, offset), one / "x.efi")
    assert f": in {place}; " in told or told.endswith(f": in {place}, outside of the UKI")
