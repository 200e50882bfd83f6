"""A machine for arm64 boots through the loader for it, fetches another version, runs that, and keeps it.

The disk is one that the imager made. tests/support/tiny.py has the rest of the system.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from imager.commands import perform
from imager.requests.outputs import Raw
from imager.requests.packing import Uki
from imager.requests.update import Index, Keys, Pieces
from localvm.machine import Drive, Machine
from tests.support import partitions, tiny
from tests.support.engine import Engine
from tests.support.imager import EPOCH, make_system
from tests.support.updates import Pair, make_pair
from tests.support.vm import arm64_packages, boot, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

PACKAGES = """
busybox-static diffutils dosfstools e2fsprogs fdisk libblkid1 libc6 libcom-err2 libext2fs2 libfdisk1 libpcre2-8-0
libreadline8 libselinux1 libsmartcols1 libssl3 libtinfo6 libuuid1 mount openssl systemd-boot-efi util-linux
util-linux-extra zlib1g
"""
LIBRARIES = "lib/aarch64-linux-gnu"
NAMES = {"fsck.vfat": "fsck.fat", "mkfs.vfat": "mkfs.fat"}


@dataclass(frozen=True)
class Workshop:
    """Makes versions, of what Debian has for arm64."""

    debian: Path
    top: Path
    loader: Path
    pair: Pair

    def version(self, number: str) -> str:
        """Return the layout of a version with its index."""
        place = self.top / number
        place.mkdir()
        common = {"name": tiny.NAME, "version": number, "epoch": EPOCH}
        uki = Uki(
            system=str(self.top / "system"),
            kernel_version=self.kernel.name.removeprefix("vmlinuz-"),
            initrd=(str(self.top / "initrd.gz"),),
            cmdline=f"console=ttyAMA0 quiet panic=5 version={number}",
            stub=str(self.debian / "usr/lib/systemd/boot/efi/linuxaa64.efi.stub"),
            architecture="arm64",
            output=str(place / "plain.json"),
            **common,  # type: ignore[arg-type]
        )
        perform(uki)
        files = {"key": str(self.pair.key), "trusted": str(self.top / "update.pem"), "loader": str(self.loader)}
        perform(Index(uki=uki.output, output=str(place / "uki.json"), **files, **common))  # type: ignore[arg-type]
        return str(place / "uki.json")

    @property
    def kernel(self) -> Path:
        """The kernel for virtual machines."""
        (found,) = self.debian.glob("boot/vmlinuz-*")
        return found

    def prepare(self) -> None:
        """Make what all versions have."""
        perform(Keys(public=(str(self.pair.public),), key=str(self.pair.key), output=str(self.top), epoch=EPOCH))
        version = self.kernel.name.removeprefix("vmlinuz-")
        shutil.copy(self.kernel, make_system(self.top / "system", kernel=version) / "boot")
        root = self.top / "initrd"
        for place in (self.debian / LIBRARIES, self.debian / "usr" / LIBRARIES):
            shutil.copytree(place, root / LIBRARIES, dirs_exist_ok=True, ignore=_no_libraries)
        shutil.copy(self.debian / LIBRARIES / "ld-linux-aarch64.so.1", root / "lib")
        modules = self.debian / "lib/modules" / version / "kernel"
        tiny.make_initrd(root, self.pair.public, tiny.Parts(self.debian / "bin/busybox", modules, self._add))

    def _add(self, name: str, root: Path) -> None:
        (found,) = (
            place for part in ("bin", "sbin") for place in self.debian.glob(f"**/{part}/{NAMES.get(name, name)}")
        )
        shutil.copy(found, root / "usr/sbin" / name)


def _no_libraries(place: str, names: list[str]) -> set[str]:
    return {name for name in names if ".so" not in name or Path(place, name).is_dir()}


def test_from_one_version_to_the_next(engine: Engine, tmp_path: Path) -> None:
    require_tool("apt-get", "dpkg-deb", "busybox", "mkfs.fat", "mcopy", "sfdisk")
    loader = tiny.loaders(engine, tmp_path) / "systemd-bootaa64.efi"
    shop = Workshop(arm64_packages(*PACKAGES.split()), tmp_path, loader, make_pair(tmp_path))
    shop.prepare()
    disk, pieces = tmp_path / "tiny.img", tmp_path / "pieces"
    perform(Raw(uki=shop.version("1"), output=str(disk), architecture="arm64", epoch=EPOCH, label="CLAYLINUX"))
    perform(Pieces(uki=shop.version("2"), output=str(make(tmp_path / "layers")), epoch=EPOCH))
    make(pieces / "pieces")
    for file in (path for path in (tmp_path / "layers").rglob("*") if path.is_file()):
        shutil.copy(file, pieces / "pieces" if file.parent.name == "pieces" else pieces)
    stick = partitions.fat_of(pieces, tmp_path / "pieces.img", "PIECES")
    drives = (Drive(path=disk, keep=True), Drive(path=stick))
    with boot(Machine(architecture="arm64", drives=drives, memory_mib=768, reboots=True)) as console:
        for line in (
            "boot of version 1",
            r"update: 0 tiny 2 starts at the next reboot \(0 bytes fetched, .*",
            "boot of version 2",
            "update: 0 tiny 2 is what runs already",
        ):
            console.expect(rf"^{line}\s*$", 2 * tiny.SECONDS)
        assert console.wait_off(tiny.SECONDS) == 0
    esp, updates = partitions.partitions(disk)
    assert list(partitions.files(esp, "EFI/BOOT")) == ["BOOTAA64.EFI"]
    assert list(partitions.files(updates, "EFI/Linux")) == ["tiny_2.efi"]
    assert not partitions.complaint(esp) and not partitions.complaint(updates)


def make(place: Path) -> Path:
    """Make a directory."""
    place.mkdir(parents=True)
    return place
