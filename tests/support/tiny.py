"""The smallest system that updates and installs itself: a kernel, busybox, and the programs of imager/guest.

It boots as any of our systems does: the loader of our image starts one of its UKIs, which have the stub of systemd.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localvm.console import Console, running
from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.partitions import fat_of
from tests.support.update_guest import Keys, Version, make_keys
from tests.support.vm import debian_file, debian_package, kvm_works, newest_kernel, require_tool

SECONDS = float(os.environ.get("BOOT_SECONDS", "300"))
"""For what takes ten, but without KVM and beside other machines."""
NAME, OLD, NEW = "tiny", "1", "2"
_MIB = 1 << 20
_ESP, _UPDATES = 64, 128
"""MiB."""
_MODULES = (
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
    "fs/efivarfs/efivarfs",
    *(f"fs/nls/nls_{name}" for name in ("cp437", "ascii", "iso8859-1", "utf8")),
    "fs/fat/fat",
    "fs/fat/vfat",
    "drivers/block/loop",
)
_PROGRAMS = ("flock", "openssl", "sfdisk", "fsck.vfat", "mkfs.vfat", "cmp", "losetup", "blockdev")
_SETTINGS = {
    **{f"update_{key}": "" for key in ("from", "channel", "ca", "proxy", "login", "rate", "space")},
    "update_name": NAME,
    "update_every": "0",
    "update_reboot": "manual",
    "health_services": "",
    "health_command": "",
    "health_timeout": "60",
}
_INSTALL = {"install_disk": "empty", "install_auto": "no", "install_after": "reboot"}
_TABLE = f"""\
label: gpt
start=2048, size={_ESP * 2048}, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, name="EFI System Partition"
start={(_ESP + 1) * 2048}, size={_UPDATES * 2048}, type=bc13c2ff-59e6-4262-a352-b275fd6f7172, name="UPDATES"
"""


@dataclass(frozen=True)
class System:
    """The disk with version 1, and one that has version 2 to fetch, whose program is `new`."""

    image: Path
    pieces: Path
    new: bytes

    @contextmanager
    def boot(self, *drives: Drive, reboots: bool = False) -> Iterator[Console]:
        """Run a machine with these drives."""
        with running(Machine(drives=drives, memory_mib=512, reboots=reboots, kvm=kvm_works())) as console:
            yield console

    def start(self, disk: Path, *more: Drive) -> str:
        """Start a disk until the machine turns itself off, and return its version."""
        with self.boot(Drive(path=disk, keep=True), *more) as console:
            version = console.expect(r"^boot of version (\d)", SECONDS)[1]
            if more:
                console.expect(r"^update: 0 ", SECONDS)
            assert console.wait_off(SECONDS) == 0
        return version


def build(engine: Engine, top: Path) -> System:
    """Build both versions. The loader is that of the image `claylinux/imager`."""
    require_tool("sfdisk", "mkfs.fat", "mcopy", "objcopy")
    keys = make_keys(top, "update")
    initrd = _initrd(top / "initrd", keys)
    old, new = (_version(number, initrd, top) for number in (OLD, NEW))
    new.publish(top / "new", keys)
    esp = top / "esp"
    old.put(esp, keys)
    for name in ("EFI/BOOT", "loader"):
        (esp / name).mkdir(parents=True)
    (esp / "loader/loader.conf").write_text("timeout 0\neditor no\nauto-entries no\n")
    shutil.copy(_loader(engine, top), esp / "EFI/BOOT/BOOTX64.EFI")
    return System(_disk(esp, top), fat_of(top / "new", top / "pieces.img", "PIECES"), new.content)


def _loader(engine: Engine, top: Path) -> Path:
    container = engine.docker("create", "claylinux/imager", "none").strip()
    engine.docker("cp", f"{container}:/usr/lib/claylinux/loaders", str(top / "loaders"))
    engine.docker("rm", container)
    return next(top.glob("loaders/**/*x64*"))


def _disk(esp: Path, top: Path) -> Path:
    """Make the disk as the build does it."""
    image = top / "tiny.img"
    (top / "none").mkdir()
    parts = (fat_of(esp, top / "esp.img", "CLAYLINUX", _ESP), fat_of(top / "none", top / "up.img", "UPDATES", _UPDATES))
    subprocess.run(("mcopy", "-i", parts[0], "/dev/null", "::/loader/random-seed"), check=True)
    subprocess.run(("mattrib", "-i", parts[0], "+r", "::/loader/random-seed"), check=True)
    with image.open("wb") as file:
        file.seek(_MIB)
        for part in parts:
            file.write(part.read_bytes())
        file.truncate((_ESP + _UPDATES + 3) * _MIB)
    subprocess.run(("sfdisk", "--quiet", image), input=_TABLE, text=True, check=True)
    return image


def _version(number: str, initrd: Path, top: Path) -> Version:
    """Return a version: what differs is one line."""
    kernel = debian_file(newest_kernel(), "./boot/vmlinuz-*")
    stub = debian_file("systemd-boot-efi", "./usr/lib/systemd/boot/efi/linuxx64.efi.stub")
    release, words, made = top / f"os-release-{number}", top / f"cmdline-{number}", top / f"tiny-{number}.efi"
    release.write_text(f"ID=tiny\nPRETTY_NAME=Tiny\nIMAGE_ID={NAME}\nIMAGE_VERSION={number}\nVERSION_ID={number}\n")
    words.write_text(f"console=ttyS0 quiet panic=5 version={number}\0")
    argv: list[str | Path] = ["objcopy"]
    for name, content, at in (
        ("osrel", release, 0x20000),
        ("cmdline", words, 0x30000),
        ("linux", kernel, 0x2000000),
        ("initrd", initrd, 0x4000000),
    ):
        argv += [f"--add-section=.{name}={content}", f"--set-section-flags=.{name}=data,readonly"]
        argv += [f"--change-section-vma=.{name}={at:#x}"]
    subprocess.run((*argv, stub, made), check=True)
    program, piece = made.read_bytes(), _MIB // 2
    return Version(number, tuple(program[at : at + piece] for at in range(0, len(program), piece)), name=NAME)


def _initrd(root: Path, keys: Keys) -> Path:
    ours = root / "usr/lib/claylinux"
    shutil.copytree(REPOSITORY / "imager/guest", ours)
    for name in ("bin", "usr/bin", "usr/sbin", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "tests/boot/tiny/init", root / "init")
    shutil.copy(ours / "claylinux", root / "usr/bin/claylinux")
    shutil.copy(keys.public, ours / "update.pem")
    for file, settings in (("update.conf", _SETTINGS), ("install.conf", _INSTALL)):
        (ours / file).write_text("".join(f"{key}='{value}'\n" for key, value in settings.items()))
    shutil.copy(debian_file("busybox-static", "./bin/busybox"), root / "bin/busybox")
    for name in _PROGRAMS:
        _add_program(name, root)
    kernel = newest_kernel()
    tree = debian_package(kernel) / "lib/modules" / kernel.removeprefix("linux-image-") / "kernel"
    for name in _MODULES:
        shutil.copy(tree / f"{name}.ko", root / "modules")
    (root / "modules/order").write_text("".join(f"{Path(name).name}\n" for name in _MODULES))
    for file in ("init", "usr/bin/claylinux", "bin/busybox"):
        (root / file).chmod(0o755)
    names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
    archive = ("busybox", "cpio", "-o", "-H", "newc")
    packed = subprocess.run(archive, cwd=root, input=names.encode(), capture_output=True, check=True)
    made = root.with_suffix(".gz")
    made.write_bytes(gzip.compress(packed.stdout, 6, mtime=0))
    return made


def _add_program(name: str, root: Path) -> None:
    """Copy a program of this machine, with its libraries."""
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert program is not None, name
    shutil.copy(program, root / "usr/sbin" / name)
    linked = subprocess.run(("ldd", program), capture_output=True, text=True, check=True).stdout
    for word in linked.split():
        if word.startswith("/"):
            target = root / word.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(word, target)
