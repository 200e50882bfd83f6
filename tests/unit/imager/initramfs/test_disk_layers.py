"""Layers on a disk, up to what init reads: where they lie, their hashes, the drivers, and the partition."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from uuid import UUID

import pytest

from imager.archive import verity
from imager.core.errors import ImagerError
from imager.disk import gpt, raw
from imager.initramfs import bootstrap, disk_layers, drivers
from imager.kernel import moddep
from imager.requests.outputs import Raw
from imager.requests.packing import Uki
from imager.rootfs.root import Root
from imager.uki import sections
from tests.support.imager import EPOCH, make_pe, make_system, read_newc

VERSION = "6.1.0-1-amd64"
MODULES = f"usr/lib/modules/{VERSION}"
DEP = """\
kernel/drivers/md/dm-mod.ko:
kernel/drivers/md/dm-verity.ko: kernel/drivers/md/dm-mod.ko
kernel/fs/squashfs/squashfs.ko:
kernel/drivers/block/loop.ko:
kernel/fs/overlayfs/overlay.ko:
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/arch/x86/crypto/sha256-ssse3.ko:
kernel/drivers/net/virtio_net.ko:
"""
ALIAS = """\
alias virtio:d00000002v* virtio_blk
alias virtio:d00000001v* virtio_net
alias crypto-sha256 sha256_ssse3
alias cpu:type:x86,ven*fam*mod*:feature:*0089* sha256_ssse3
"""
LISTS = b"070701 what init does with the finished tree"


def layer(place: Path, blocks: int) -> Path:
    """Write a file like a layer's, of so many blocks."""
    size = blocks * verity.BLOCK
    data = struct.pack("<4s36xQ", b"hsqs", size - 100).ljust(size - 1, b"\0") + b"%c" % blocks
    place.write_bytes(data)
    with place.open("r+b") as file:
        verity.add_tree(file.fileno())
    place.write_bytes(place.read_bytes() + LISTS)
    return place


@pytest.fixture
def layers(tmp_path: Path) -> list[Path]:
    return [layer(tmp_path / "one", 200), layer(tmp_path / "two", 1)]


@pytest.fixture
def system(tmp_path: Path) -> Path:
    system = make_system(tmp_path / "system")
    (system / MODULES / "modules.dep").write_text(DEP)
    (system / MODULES / "modules.alias").write_text(ALIAS)
    for line in DEP.splitlines():
        path = system / MODULES / line.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    (tmp_path / "init").write_bytes(b"init")
    return system


def test_where_they_lie(layers: list[Path]) -> None:
    one, two = disk_layers.lay_out(layers)
    assert (one.position, one.data, one.tree) == (0, 200 * 4096, 3 * 4096)
    assert (two.position % 65536, two.data, two.tree) == (0, 4096, 0)
    assert one.size <= two.position < one.size + 65536
    assert one.lists() == two.lists() == LISTS
    listed = disk_layers.records((one, two))
    assert UUID(bytes_le=listed[:16]) == disk_layers.guid_of((one, two))
    first = one.root.encode() + b"\0" + struct.pack("<3Q", 0, one.data, one.tree)
    assert listed[16:] == first + two.root.encode() + b"\0" + struct.pack("<3Q", two.position, 4096, 0)
    assert disk_layers.guid_of((one,)) != disk_layers.guid_of((one, two))


def test_a_driver_comes_with_what_it_needs_and_its_devices(system: Path) -> None:
    """A network card is no way to a disk; a faster hash is a driver of the processor."""
    root = Root(system)
    fast, disk = drivers.find(root, VERSION, moddep.load(root, VERSION))
    assert fast == drivers.Driver("sha256_ssse3", (), ("cpu:type:x86,ven*fam*mod*:feature:*0089*",))
    assert disk == drivers.Driver("virtio_blk", ("virtio_ring",), ("virtio:d00000002v*",))
    assert disk.record() == b"virtio_blk\0virtio_ring\0\0virtio:d00000002v*\0\0"


def test_what_init_gets(system: Path, layers: list[Path]) -> None:
    found = disk_layers.lay_out(layers)
    made = bootstrap.archive(Root(system), VERSION, system.parent / "init", 2, EPOCH, found)
    names = [member.name.decode() for member in read_newc(zlib.decompress(made, wbits=zlib.MAX_WBITS | 16))]
    assert [name for name in names if name.endswith((".ko", "disk"))] == [
        ".claylinux/modules/00-dm_mod.ko",
        ".claylinux/modules/01-dm_verity.ko",
        ".claylinux/modules/02-squashfs.ko",
        ".claylinux/modules/03-overlay.ko",
        ".claylinux/layers/disk",
    ]
    path = ".claylinux/drivers"
    found_drivers = [name.removeprefix(path) for name in names if name.startswith(path)]
    assert found_drivers == ["", "/list", "/sha256_ssse3", "/virtio_ring", "/virtio_blk"]


@pytest.mark.parametrize("copied", [False, True])
def test_layers_are_copied_if_that_is_wanted(system: Path, layers: list[Path], copied: bool) -> None:
    """That takes the driver of files as disks, too."""
    found = disk_layers.lay_out(layers)
    made = bootstrap.archive(Root(system), VERSION, system.parent / "init", 2, EPOCH, found, copied=copied)
    names = {member.name.decode() for member in read_newc(zlib.decompress(made, wbits=zlib.MAX_WBITS | 16))}
    assert (".claylinux/layers/copied" in names, ".claylinux/modules/04-loop.ko" in names) == (copied, copied)


def test_a_kernel_without_dm_verity_cannot(system: Path, layers: list[Path]) -> None:
    dep = system / MODULES / "modules.dep"
    dep.write_text("".join(line for line in DEP.splitlines(keepends=True) if "verity" not in line))
    assert bootstrap.missing_on_disk(Root(system), VERSION) == ("dm_verity",)
    with pytest.raises(ImagerError, match=r"has no module dm_verity.*remove rootfs\.source: disk"):
        found = disk_layers.lay_out(layers)
        bootstrap.archive(Root(system), VERSION, system.parent / "init", 2, EPOCH, found)


def test_the_disk_has_them_in_a_partition(system: Path, layers: list[Path]) -> None:
    """And the program, which is small, has the rest of their files. The same bytes twice."""
    home = system.parent
    (home / "stub").write_bytes(make_pe())
    uki = Uki(
        system=str(system),
        kernel_version=VERSION,
        initrd=tuple(map(str, layers)),
        cmdline="quiet",
        stub=str(home / "stub"),
        architecture="amd64",
        output=str(home / "uki.json"),
        epoch=EPOCH,
        init=str(home / "init"),
        layers=2,
        on_disk=True,
    )
    sections.run(uki)
    images = [home / "one.img", home / "two.img"]
    for image in images:
        raw.run(Raw(uki=uki.output, output=str(image), architecture="amd64", epoch=EPOCH))
    data = images[0].read_bytes()
    assert data == images[1].read_bytes()
    one, two = disk_layers.lay_out(layers)
    kind, guid, first, last, _, name = struct.unpack_from("<16s16sQQQ72s", data, 1024 + 128)
    assert (UUID(bytes_le=kind), UUID(bytes_le=guid)) == (gpt.LINUX_TYPE, disk_layers.guid_of((one, two)))
    assert name.decode("utf-16-le").rstrip("\0") == "LAYERS"
    assert (first % 2048, (last + 1) % 2048) == (0, 0)
    part = data[first * 512 : (last + 1) * 512]
    for found in (one, two):
        assert part[found.position : found.position + found.size] == found.place.read_bytes()[: found.size]
    program = data[: first * 512]
    assert program.count(LISTS) == 2
    assert layers[0].read_bytes()[:4096] not in program
