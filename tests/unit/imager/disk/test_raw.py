"""Raw disks and ISOs, read back by our own readers and by the real tools."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from uuid import UUID

import pytest

from imager.core import output
from imager.core.errors import ImagerError
from imager.disk import esp, iso, raw
from imager.requests.outputs import Iso, Raw
from tests.support.imager import EPOCH, layout_of, make_pe, read_fat

MIB = 1 << 20


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool, path=SEARCH) is None, reason=f"{tool} is not installed")


SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def tool(*argv: str | Path) -> str:
    """Run a checker, which must be content, and give what it said."""
    environment = {"PATH": SEARCH, "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "clay.efi"
    path.write_bytes(make_pe() + random.Random(0).randbytes(3 * MIB + 7))
    return path


def raw_image(program: Path, name: str = "out.img", **changes: object) -> Path:
    return _medium(Raw, raw.run, program, name, changes)


def cd(program: Path, name: str = "out.iso", **changes: object) -> Path:
    return _medium(Iso, iso.run, program, name, changes)


def _medium(kind, run, program: Path, name: str, changes: dict[str, object]) -> Path:  # type: ignore[no-untyped-def]
    out = program.parent / name
    values = {"uki": str(program), "output": str(out), "architecture": "amd64", "epoch": EPOCH, **changes}
    run(kind(**values))
    assert out.stat().st_mtime == values["epoch"]
    return out


def partition(image: Path) -> bytes:
    """Give the bytes of the only partition, after checking both tables against each other."""
    data = image.read_bytes()
    sectors = len(data) // 512
    assert len(data) % MIB == 0
    assert data[510:512] == b"\x55\xaa"
    assert struct.unpack_from("<BBBBBBBBII", data, 446)[4::4] == (0xEE, 1)
    places = []
    for own, other, table in ((1, sectors - 1, 2), (sectors - 1, 1, sectors - 33)):
        header = data[own * 512 : own * 512 + 92]
        magic, _, size, crc, _, mine, theirs, first, last, guid, start, count, width, crc_table = struct.unpack(
            "<8sIIIIQQQQ16sQIII", header
        )
        entries = data[start * 512 : start * 512 + count * width]
        assert (magic, size, mine, theirs, start) == (b"EFI PART", 92, own, other, table)
        assert crc == zlib.crc32(header[:16] + bytes(4) + header[20:])
        assert crc_table == zlib.crc32(entries)
        assert (first, last) == (34, sectors - 34)
        places.append((guid, entries))
    assert places[0] == places[1]
    kind, own_guid, begin, end, _ = struct.unpack_from("<16s16sQQQ", places[0][1])
    assert UUID(bytes_le=kind) == UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
    assert UUID(bytes_le=own_guid).version == 5
    assert begin == 2048
    assert not any(places[0][1][128:])
    return data[begin * 512 : (end + 1) * 512]


@pytest.mark.parametrize(("architecture", "name"), [("amd64", "BOOTX64.EFI"), ("arm64", "BOOTAA64.EFI")])
def test_the_program_is_where_firmware_looks(program: Path, architecture: str, name: str) -> None:
    program.write_bytes(make_pe(architecture) + program.read_bytes())
    image = raw_image(program, architecture=architecture)
    assert read_fat(partition(image)) == {f"/EFI/BOOT/{name}": program.read_bytes()}


def test_a_cd_is_a_disk_too(program: Path) -> None:
    assert read_fat(partition(cd(program))) == {"/EFI/BOOT/BOOTX64.EFI": program.read_bytes()}


@needs("sgdisk")
@pytest.mark.parametrize("make", [raw_image, cd])
def test_sgdisk_finds_no_problem(program: Path, make) -> None:  # type: ignore[no-untyped-def]
    image = make(program)
    assert "No problems found" in tool("sgdisk", "-v", image)
    assert "EF00  EFI System Partition" in tool("sgdisk", "-p", image)


SIZES = [
    0x400,
    MIB,
    3 * MIB - 4096,
    13 * MIB,
    16 * MIB,
    *range(29 * MIB, 35 * MIB, 250_000),
    63 * MIB,
    64 * MIB,
    127 * MIB,
    260 * MIB,
    1 << 30,
    (1 << 32) - (1 << 16),
]


@pytest.mark.parametrize("size", SIZES)
def test_the_kind_of_fat_follows_the_number_of_clusters(size: int) -> None:
    layout = esp.plan(size=size, program="EFI/BOOT/BOOTX64.EFI", label="X", volume_id=1, start=2048, epoch=EPOCH)
    boot = layout.pieces[0][1]
    per_cluster, reserved, root, small, fat16 = struct.unpack_from("<BHxHHxH", boot, 13)
    total, fat32 = struct.unpack_from("<II", boot, 32)
    fat = fat16 or fat32
    data = reserved + 2 * fat + root // 16
    clusters = ((small or total) - data) // per_cluster
    wide = boot[82:90] == b"FAT32   "
    assert (small or total) * 512 == layout.size
    assert 4085 + 16 <= clusters <= 65_524 - 16 if not wide else clusters >= 65_525 + 16
    assert wide is (fat16 == 0)
    assert fat * 512 // (4 if wide else 2) >= clusters + 2
    assert layout.program % output.ALIGNMENT == 0
    last_cluster = -(-(layout.program + size) // 512)
    free = (data + clusters * per_cluster - last_cluster) * 512
    assert free >= MIB
    assert free <= 4 * MIB + size // 50


def test_big_programs_get_fat32_and_small_ones_fat16() -> None:
    def kind(size: int) -> bytes:
        layout = esp.plan(size=size, program="EFI/BOOT/BOOTX64.EFI", label="X", volume_id=1, start=0, epoch=EPOCH)
        return b"FAT32" if b"FAT32   " in layout.pieces[0][1] else b"FAT16"

    kinds = [kind(size) for size in SIZES]
    assert kinds == sorted(kinds)
    assert (kind(29 * MIB), kind(35 * MIB)) == (b"FAT16", b"FAT32")


@pytest.mark.parametrize(("size", "at", "kind"), [(29 * MIB, 39, b"FAT16   "), (35 * MIB, 67, b"FAT32   ")])
def test_the_boot_sector_says_whose_it_is(size: int, at: int, kind: bytes) -> None:
    """Programs for people show serial and label; the position on the disk is for firmware of old."""
    layout = esp.plan(size=size, program="A.EFI", label="CLAY-1", volume_id=0x12345678, start=2048, epoch=EPOCH)
    sector = layout.pieces[0][1]
    assert (sector[:3], sector[3:11]) == (b"\xeb\x58\x90" if at == 67 else b"\xeb\x3c\x90", b"MSWIN4.1")
    assert sector[28:32] == (2048).to_bytes(4, "little")
    assert sector[at - 3 : at] == b"\x80\x00\x29"
    assert sector[at : at + 23] == (0x12345678).to_bytes(4, "little") + b"CLAY-1     " + kind
    assert (len(sector), sector[510:]) == (512, b"\x55\xaa")


@needs("fsck.fat")
@pytest.mark.parametrize("size", [0x400, 3 * MIB, 30 * MIB, 34 * MIB, 130 * MIB, (1 << 32) - (1 << 16)])
def test_fsck_finds_no_problem(tmp_path: Path, size: int) -> None:
    layout = esp.plan(size=size, program="EFI/BOOT/BOOTAA64.EFI", label="CLAY-1", volume_id=7, start=2048, epoch=EPOCH)
    image = tmp_path / "esp"
    with image.open("wb") as file:
        file.truncate(layout.size)
        for offset, data in layout.pieces:
            file.seek(offset)
            file.write(data)
    said = tool("fsck.fat", "-n", "-v", image)
    assert "4 files" in said
    assert "Label" not in said


@needs("mdir")
def test_mtools_reads_label_serial_and_time(program: Path) -> None:
    image = f"{raw_image(program, label='clay 1')}@@1M"
    said = tool("mdir", "-i", image, "-/", "::")
    assert "is CLAY 1" in said
    assert "2023-11-14  22:13" in said
    early = f"{raw_image(program, 'early', epoch=0)}@@1M"
    assert "1980-01-01   0:00" in tool("mdir", "-i", early, "::")


@needs("xorriso")
def test_xorriso_reads_the_cd(program: Path, tmp_path: Path) -> None:
    image = cd(program, label="EDGE-1.0 clay")
    said = tool("xorriso", "-indev", image, "-report_el_torito", "plain", "-report_system_area", "plain")
    assert "Volume id    : 'EDGE-1.0 clay'" in said
    assert "UEFI  y   none" in said
    assert "GPT start and size :   1  2048" in said
    assert "MBR protective-msdos-label" in said
    for trouble in ("WARNING", "FAILURE", "SORRY"):
        assert trouble not in said
    tool("xorriso", "-osirrox", "on", "-indev", image, "-extract", "/", tmp_path / "files")
    assert (tmp_path / "files/EFI/BOOT/BOOTX64.EFI").read_bytes() == program.read_bytes()


def test_the_cd_points_at_the_program_in_the_partition(program: Path) -> None:
    """Firmware sees the boot image, people the file; the bytes are stored once."""
    data = cd(program).read_bytes()
    assert data.count(program.read_bytes()[:4096]) == 1
    primary, boot, end = (data[n * 2048 : n * 2048 + 2048] for n in (16, 17, 18))
    assert (primary[:6], boot[:6], end[:6]) == (b"\x01CD001", b"\x00CD001", b"\xffCD001")
    (blocks,) = struct.unpack_from("<I", primary, 80)
    assert blocks * 2048 == len(data)
    assert boot[7:30] == b"EL TORITO SPECIFICATION"
    (catalog,) = struct.unpack_from("<I", boot, 0x47)
    validation = data[catalog * 2048 : catalog * 2048 + 32]
    assert validation[1] == 0xEF
    assert sum(struct.unpack("<16H", validation)) & 0xFFFF == 0
    indicator, media, _, _, _, count, start = struct.unpack_from("<BBHBBHI", data, catalog * 2048 + 32)
    assert (indicator, media, count) == (0x88, 0, 0)
    assert data[start * 2048 + 510 : start * 2048 + 512] == b"\x55\xaa"
    assert start * 2048 == 2048 * 512


@pytest.mark.parametrize("make", [raw_image, cd])
def test_the_bytes_follow_only_from_the_content(program: Path, make) -> None:  # type: ignore[no-untyped-def]
    first = make(program).read_bytes()
    os.utime(program, (1, 1))
    old = os.umask(0o077)
    try:
        again = make(program, "again")
    finally:
        os.umask(old)
    assert again.read_bytes() == first
    assert again.stat().st_mode & 0o777 == 0o644
    program.write_bytes(program.read_bytes() + b"x")
    other = make(program, "other").read_bytes()
    assert other[512 + 56 : 512 + 72] != first[512 + 56 : 512 + 72]


def test_disks_are_sparse(tmp_path: Path) -> None:
    program = tmp_path / "clay.efi"
    program.write_bytes(make_pe())
    image = raw_image(program)
    assert image.stat().st_blocks * 512 < 256 << 10 < image.stat().st_size


def test_4_gib_are_refused(program: Path) -> None:
    with program.open("r+b") as file:
        file.truncate((1 << 32) - (1 << 16) + 1)
    layout = layout_of(program)
    for make in (raw_image, cd):
        with pytest.raises(ImagerError, match=r"has 4294901761 bytes.*smaller than 4 GiB"):
            make(layout)
    assert {*program.parent.iterdir()} == {program, layout}


def test_a_checksum_beside_a_program_is_no_note_of_ours(program: Path) -> None:
    known = raw_image(program).read_bytes()
    program.with_name("clay.efi.sha256").write_text("0123  clay.efi\n")
    assert raw_image(program).read_bytes() == known


@pytest.mark.parametrize("label", ["", "  ", "TWELVE-CHARS", "a/b", "ü", "a.b", "tab\t"])
def test_labels_that_fat_cannot_hold_are_refused(program: Path, label: str) -> None:
    with pytest.raises(ImagerError, match="does not fit a FAT file system"):
        raw_image(program, label=label)


@pytest.mark.parametrize("label", ["", "x" * 33, "a/b", "ü"])
def test_labels_that_iso_cannot_hold_are_refused(program: Path, label: str) -> None:
    with pytest.raises(ImagerError, match="does not fit an ISO"):
        cd(program, label=label)


def test_only_programs_for_the_architecture_are_taken(program: Path) -> None:
    with pytest.raises(ImagerError, match="is an EFI program for amd64, not for arm64"):
        raw_image(program, architecture="arm64")
    program.write_bytes(b"text")
    with pytest.raises(ImagerError, match="is not an EFI program"):
        raw_image(program)
    program.unlink()
    with pytest.raises(ImagerError, match="there is no EFI program"):
        cd(program)


@pytest.mark.parametrize("bits", [16, 32])
def test_a_fat_has_an_entry_for_each_cluster_and_little_more(bits: int) -> None:
    """For every size at which one more sector is needed, and those beside it."""
    for clusters in range(1, 64):
        for size in {clusters * 512 * 8 * 512 // bits + each for each in (-MIB, -1, 0, 1, MIB)}:
            for per_cluster in (1, 8):
                shape = esp._shape(bits, max(size, 1), per_cluster)
                entries = shape.fat * 512 * 8 // bits
                assert shape.clusters + 2 <= entries
                most = shape.total // per_cluster + 2
                assert entries - most <= 2 * 512 * 8 // bits, "a sector more, and one that is not full"
                assert shape.total * 512 % MIB == 0
                assert shape.offset(2) % output.ALIGNMENT == 0
                assert shape.clusters * per_cluster * 512 >= size
