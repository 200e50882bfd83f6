"""The disks of virtual machines: QEMU reads back exactly the raw disk, and finds nothing to complain about."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest

from imager.commands import perform
from imager.core.errors import UsageError
from imager.core.extents import Extent, Payload
from imager.disk import qcow2, raw, vdi, vhd, vhdx, vmdk
from imager.disk.medium import Medium
from imager.requests.outputs import Disk, Qcow2, Raw, Vdi, Vhd, Vhdx, Vmdk
from tests.support.engine import unavailable
from tests.support.imager import EPOCH, layout_of, make_pe

MIB = 1 << 20
KINDS: dict[str, tuple[type[Disk], dict[str, object]]] = {
    "qcow2": (Qcow2, {}),
    "qcow2-compressed": (Qcow2, {"compress": True}),
    "vmdk": (Vmdk, {}),
    "vmdk-compressed": (Vmdk, {"compress": True}),
    "vmdk-sparse": (Vmdk, {"subformat": "monolithicSparse"}),
    "vhdx": (Vhdx, {}),
    "vhd": (Vhd, {}),
    "vdi": (Vdi, {}),
}
WRITERS = {
    "qcow2": lambda fd, medium: qcow2.write(fd, medium, compress=False),
    "qcow2-compressed": lambda fd, medium: qcow2.write(fd, medium, compress=True),
    "vmdk": lambda fd, medium: vmdk.write_stream(fd, medium, vmdk.describe(medium, vmdk.STREAM, "x"), compress=False),
    "vmdk-sparse": lambda fd, medium: vmdk.write_sparse(fd, medium, vmdk.describe(medium, vmdk.SPARSE, "x")),
    "vhdx": vhdx.write,
    "vhd": lambda fd, medium: vhd.write(fd, medium, epoch=EPOCH),
    "vdi": vdi.write,
}


def driver(kind: str) -> str:
    """Give QEMU's name of the format."""
    return {"vhd": "vpc"}.get(kind, kind.partition("-")[0])


def qemu_img(*argv: str | Path) -> str:
    if shutil.which("qemu-img") is None:
        unavailable("qemu-img is not installed (the package qemu-utils)")
    done = subprocess.run(["qemu-img", *argv], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(kind: str, image: Path) -> None:
    """Let QEMU check the image's own tables; it has no check for VHD."""
    if kind != "vhd":
        assert "No errors were found" in qemu_img("check", "-f", driver(kind), image)


def make(kind: str, efi: Path, folder: str = "out", **changes: object) -> Path:
    """Write an image of the program `efi` in a folder of its own: some formats hold their own name."""
    request, options = KINDS.get(kind, (Raw, {}))
    image = efi.parent / folder / f"disk.{request.__name__.lower()}"
    image.parent.mkdir(exist_ok=True)
    values: dict[str, Any] = {
        "uki": str(efi),
        "output": str(image),
        "architecture": "amd64",
        "epoch": EPOCH,
        **options,
        **changes,
    }
    perform(request(**values))
    return image


@pytest.fixture
def efi(tmp_path: Path) -> Path:
    """A program with noise, text, zeros and a hole: what compresses and what does not, not in whole units."""
    path = tmp_path / "clay.efi"
    chance = random.Random(0)
    parts = [
        chance.randbytes(200_000),
        b"text " * 30_000,
        bytes(300_000),
        chance.randbytes(70_000),
        b"and more" * 9_001,
    ]
    path.write_bytes(make_pe() + b"".join(parts))
    with path.open("r+b") as file:
        file.seek(2 * MIB, os.SEEK_END)
        file.write(b"the end")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_qemu_reads_the_raw_disk(efi: Path, kind: str) -> None:
    image = make(kind, efi)
    check(kind, image)
    back = efi.with_name("back")
    qemu_img("convert", "-f", driver(kind), "-O", "raw", image, back)
    assert back.read_bytes() == make("raw", efi).read_bytes()


@pytest.mark.parametrize("kind", ["qcow2", "vmdk", "vhdx", "vdi"])
def test_qemu_recognises_the_format(efi: Path, kind: str) -> None:
    """Without being told; for a fixed VHD, which is a raw disk in front, nobody does."""
    said = qemu_img("info", make(kind, efi))
    assert f"file format: {driver(kind)}\n" in said
    assert {"qcow2": "compat: 1.1", "vmdk": "create type: streamOptimized"}.get(kind, "virtual size") in said


def disk_of(extents: tuple[Extent, ...]) -> Medium:
    return Medium(4200 * MIB, extents, lambda role: uuid5(NAMESPACE_DNS, role), range(0))


def test_compressed_clusters_are_told_by_their_sectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many sectors follow the first one (QEMU, docs/interop/qcow2.rst): a reader takes no byte beyond them."""
    sizes = [1, 511, 512, 513, 1023, 1024, 30_000, 40_000, 100]
    monkeypatch.setattr("imager.core.parallel.map_ordered", lambda *_: [b"x" * size for size in sizes])
    medium = disk_of((Extent(0, b"\1" * (len(sizes) * qcow2.CLUSTER)),))
    with (tmp_path / "image").open("w+b") as image:
        entries, counts = qcow2._store_compressed(image.fileno(), medium)
    places = [(entry & (1 << 54) - 1, (entry >> 54 & 0xFF)) for entry in entries.values()]
    assert all(entry >> 62 == 1 for entry in entries.values())
    for (at, sectors), size in zip(places, sizes, strict=True):
        assert sectors == (at + size - 1) // 512 - at // 512
    assert [b - a for (a, _), (b, _) in itertools.pairwise(places)][:6] == sizes[:6], "one after the other"
    used = {
        cluster
        for (at, _), size in zip(places, sizes, strict=True)
        for cluster in range(at // qcow2.CLUSTER, (at + size - 1) // qcow2.CLUSTER + 1)
    }
    assert max(used) + 1 == len(counts)


@pytest.mark.parametrize("kind", WRITERS)
def test_tables_reach_over_every_border(tmp_path: Path, kind: str) -> None:
    """Borders: VMDK table 32 MiB, qcow2 L2 table 512 MiB, VHDX sector bitmap 4 GiB."""
    borders = (32 * MIB, 64 * MIB, 512 * MIB, 4096 * MIB)
    places = (0, *(border - 1000 for border in borders), 4200 * MIB - 512)
    extents = tuple(Extent(place, bytes([index + 1]) * 2000) for index, place in enumerate(places[:-1]))
    medium = disk_of((*extents, Extent(places[-1], b"\xff" * 512)))
    plain, image = tmp_path / "raw", tmp_path / "image"
    with plain.open("w+b") as one, image.open("w+b") as other:
        raw.write(one.fileno(), medium)
        WRITERS[kind](other.fileno(), medium)
    check(kind, image)
    # QEMU reads every zero of a VHDX: be content with its only border there.
    start = 4090 * MIB if kind == "vhdx" else 0
    views = (
        f"driver=raw,offset={start},size={medium.size - start},file.driver={name},file.file.filename={file}"
        for name, file in (("raw", plain), (driver(kind), image))
    )
    assert "identical" in qemu_img("compare", "--image-opts", *views)
    assert image.stat().st_blocks * 512 < 16 * MIB


def test_refcounts_of_a_big_qcow2(tmp_path: Path) -> None:
    """One block of refcounts is enough for 2 GiB; blocks and their table are counted too."""
    for clusters in (32_760, 32_761, 32_762, 32_763, 65_000):
        with (tmp_path / "payload").open("w+b") as payload, (tmp_path / "image").open("w+b") as image:
            payload.truncate(clusters << 16)
            extent = Extent(MIB, Payload(payload.fileno(), clusters << 16))
            qcow2.write(image.fileno(), disk_of((extent,)), compress=False)
        check("qcow2", tmp_path / "image")
        assert (tmp_path / "image").stat().st_blocks * 512 < MIB


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_follow_only_from_the_content(efi: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(kind, efi).read_bytes()
    # No holes, one processor, another time and umask.
    efi.write_bytes(efi.read_bytes())
    os.utime(efi, (1, 1))
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})
    old = os.umask(0o077)
    try:
        again = make(kind, efi, "again")
    finally:
        os.umask(old)
    assert again.read_bytes() == first
    assert (again.stat().st_mode & 0o777, again.stat().st_mtime) == (0o644, EPOCH)
    assert {path.name for path in again.parent.iterdir()} == {again.name}


def test_identifiers_follow_from_the_content(efi: Path) -> None:
    def identifiers() -> list[UUID]:
        x, d, f = (make(kind, efi).read_bytes() for kind in ("vhdx", "vdi", "vhd"))
        found = [x[64 << 10 :][16:32], x[64 << 10 :][32:48], d[0x188:0x198], d[0x198:0x1A8]]
        metadata = x[2 * MIB + (64 << 10) :]
        return [*(UUID(bytes_le=data) for data in (*found, metadata[16:32])), UUID(bytes=f[-512:][68:84])]

    before = identifiers()
    with efi.open("ab") as file:
        file.write(b"x")
    after = identifiers()
    assert {one.version for one in (*before, *after)} == {5}
    assert len({*before, *after}) == 12


def test_images_are_as_small_as_their_formats_allow(tmp_path: Path) -> None:
    efi = tmp_path / "clay.efi"
    efi.write_bytes(make_pe() + random.Random(1).randbytes(300_000))
    with efi.open("r+b") as file:
        file.truncate(1 << 30)
    layout = layout_of(efi)
    for kind in ("raw", "qcow2", "vmdk-sparse", "vhdx", "vhd", "vdi"):
        assert make(kind, layout).stat().st_blocks * 512 < 4 * MIB, kind
    efi.write_bytes(make_pe() + b"text" * MIB)
    for kind, limit in (("qcow2", 5), ("qcow2-compressed", 1), ("vmdk", 5), ("vmdk-compressed", 1), ("vdi", 9)):
        assert make(kind, efi, f"small-{kind}").stat().st_size < limit * MIB, kind


def test_azure_takes_the_vhd(efi: Path) -> None:
    data = make("vhd", efi).read_bytes()
    size = len(data) - 512
    footer = bytearray(data[size:])
    cookie, features, version, following, time, creator, _, host, original, current, geometry, kind, total = (
        struct.unpack_from(">8sIIQI4sI4sQQIII", footer)
    )
    assert (cookie, features, version, following, kind) == (b"conectix", 2, 0x10000, (1 << 64) - 1, 2)
    assert size % MIB == 0
    assert size == original == current
    assert time == EPOCH - 946_684_800
    # QEMU believes the size only of programs that it knows, and the geometry of others, which is smaller.
    assert (creator, host) == (b"win ", b"Wi2k")
    assert geometry >> 16
    footer[64:68] = bytes(4)
    assert total == ~sum(footer) & 0xFFFFFFFF
    assert data[:size] == make("raw", efi).read_bytes()


@pytest.mark.parametrize(
    ("sectors", "geometry"),
    [
        (40 * 2048, (963, 5, 17)),
        (200 * 2048, (825, 16, 31)),
        (500 * 2048, (1015, 16, 63)),
        (65535 * 16 * 255 + 9, (65535, 16, 255)),
    ],
)
def test_the_geometry_is_that_of_the_specification(sectors: int, geometry: tuple[int, int, int]) -> None:
    """Worked out by hand from the appendix: 5,841 // 1024 is 5 heads, and so on."""
    assert vhd.geometry(sectors) == geometry


def test_crc32c() -> None:
    """The check value of the catalogue of CRCs, and the vector of RFC 3720, B.4."""
    assert vhdx.crc32c(b"123456789") == 0xE3069283
    assert vhdx.crc32c(bytes(32)) == 0x8A9136AA


def test_a_vhdx_has_no_room_between_its_parts(efi: Path) -> None:
    """A MiB each for headers, log, metadata and table, then the blocks."""
    data = make("vhdx", efi).read_bytes()
    regions = {
        data[at : at + 16]: tuple(
            int.from_bytes(data[at + low : at + high], "little") for low, high in ((16, 24), (24, 28))
        )
        for at in (192 * 1024 + 16, 192 * 1024 + 48)
    }
    assert list(regions.values()) == [(3 * MIB, MIB), (2 * MIB, MIB)]
    (log,) = {int.from_bytes(data[at + 68 : at + 80], "little") for at in (64 * 1024, 128 * 1024)}
    assert (log & 0xFFFFFFFF, log >> 32) == (MIB, MIB)
    entries = [int.from_bytes(data[at : at + 8], "little") for at in range(3 * MIB, 4 * MIB, 8)]
    blocks = [entry >> 20 for entry in entries if entry]
    assert {entry & (MIB - 1) for entry in entries if entry} == {6}
    assert blocks == list(range(4, 4 + len(blocks)))
    assert len(data) == (4 + len(blocks)) * MIB
    assert [data[number * 64 * 1024 + 8] for number in (1, 2)] == [1, 2], "the second header counts"


def test_a_stream_can_be_read_from_front_to_back(efi: Path) -> None:
    """Importers do not seek: every part announces itself, and grains come in the order of the disk."""
    data = make("vmdk", efi).read_bytes()
    assert struct.unpack_from("<4sII", data) == (b"KDMV", 3, 0x30001)
    assert b'createType="streamOptimized"' in data[512 : 21 * 512]
    assert b'SPARSE "disk.vmdk"' in data[512 : 21 * 512]
    at, seen, grains = 128 * 512, [], []
    while at < len(data):
        value, size, kind = struct.unpack_from("<QII", data, at)
        if size:
            grains.append(value)
            at += -(-(12 + size) // 512) * 512
        else:
            seen.append(kind)
            at += 512 * (1 + value)
    assert seen == [1, 3 - 1, 3, 0]
    assert grains == sorted(set(grains))
    assert all(grain % 128 == 0 for grain in grains)
    assert at == len(data)


def test_wrong_vmdk_requests_are_named(efi: Path) -> None:
    with pytest.raises(UsageError, match="unknown subformat 'flat': use streamOptimized or monolithicSparse"):
        make("vmdk", efi, subformat="flat")
    with pytest.raises(UsageError, match="monolithicSparse does not support compression: use streamOptimized"):
        make("vmdk", efi, subformat="monolithicSparse", compress=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vmdk", "qcow2-compressed"])
def test_memory_does_not_grow_with_the_system(tmp_path: Path, kind: str) -> None:
    """These two take every byte through their hands. 32 MiB more than Python itself would show."""
    efi = tmp_path / "clay.efi"
    efi.write_bytes(make_pe() + b"clay" * (8 * MIB))
    request, options = KINDS[kind]
    out = str(tmp_path / "out")
    words = request(uki=str(efi), output=out, architecture="amd64", epoch=EPOCH, **options).argv()  # type: ignore[arg-type]
    code = (
        "import sys; from imager.__main__ import main; assert main(sys.argv[1:]) == 0;"
        "print(*(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[1]) < 40 << 10
