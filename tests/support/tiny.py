"""The smallest system that installs and updates itself and has a state: a kernel, busybox, and imager/guest.

It boots as any of our systems does: the loader of our image starts one of its UKIs, which have the stub of systemd.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from localvm.console import Console, running
from localvm.machine import Drive, Machine
from spec.kept import PARTITION_TYPE
from tests.support.engine import REPOSITORY, Engine
from tests.support.partitions import fat_of
from tests.support.secure_boot import Signer, enroll, make_signer
from tests.support.update_guest import Keys, Version, make_keys
from tests.support.vm import debian_file, debian_package, kvm_works, newest_kernel, require_tool

SECONDS = float(os.environ.get("BOOT_SECONDS", "300"))
"""For what takes ten, but without KVM and beside other machines."""
NAME, OLD, NEW = "tiny", "1", "2"
_MIB = 1 << 20
_ESP, _UPDATES = 40, 128
"""MiB of the first two partitions."""
_STATE_SIZE = 40
"""MiB of what is added to a disk for the third."""
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
_PROGRAMS = (
    "flock",
    "openssl",
    "sfdisk",
    "fsck.vfat",
    "mkfs.vfat",
    "cmp",
    "losetup",
    "blockdev",
    "mkfs.ext4",
    "e2fsck",
    "resize2fs",
)
_SETTINGS = {
    **{f"update_{key}": "" for key in ("from", "channel", "ca", "proxy", "login", "rate")},
    "update_name": NAME,
    "update_every": "0",
    "update_reboot": "manual",
    "health_services": "",
    "health_command": "",
    "health_timeout": "60",
}
_INSTALL = {"install_disk": "empty", "install_auto": "no", "install_after": "nothing"}
_STATE = {"label": "STATE", "type": PARTITION_TYPE, "size": "0", "disk": "boot", "required": "no", "encrypt": ""}
_KEPT, _FILE = "/etc/kept", b"of the image\n"
_TABLE = f"""\
label: gpt
start=2048, size={_ESP * 2048}, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, name="EFI System Partition", uuid={{}}
start={(_ESP + 1) * 2048}, size={_UPDATES * 2048}, type=bc13c2ff-59e6-4262-a352-b275fd6f7172, name="UPDATES"
"""
_GUID = "5fb3b4b4-0000-5000-8000-00000000000{}"
"""As a build makes it, of version 5."""


@dataclass(frozen=True)
class System:
    """The image of version 1, that of version 2, and a disk that has version 2 to fetch, whose program is `new`.

    `variables` are those of firmware that wants the signature of these programs.
    """

    image: Path
    newer: Path
    pieces: Path
    new: bytes
    variables: Path | None = None

    @contextmanager
    def boot(self, *drives: Drive, reboots: bool = False, words: str = "") -> Iterator[Console]:
        """Run a machine with these drives. It takes `words` as if they were on its command line."""
        more = (f"words={words}",) if words else ()
        machine = Machine(drives=drives, memory_mib=512, reboots=reboots, oem_strings=more, variables=self.variables)
        with running(replace(machine, kvm=kvm_works())) as console:
            yield console

    def disk(self, place: Path) -> Path:
        """Write the first image to a disk that has room for a state."""
        shutil.copyfile(self.image, place)
        return grow(place)

    def start(self, disk: Path, *more: Drive) -> tuple[str, str]:
        """Start a disk until the machine turns itself off, and return its version, and what it says of its state."""
        with self.boot(Drive(path=disk, keep=True), *more) as console:
            version = console.expect(r"^boot of version (\d)", SECONDS)[1]
            state = console.expect(r"^((?:kept|no state): .*?) *\r?\n", SECONDS)[1]
            if more:
                console.expect(r"^update: 0 ", SECONDS)
            assert console.wait_off(SECONDS) == 0
        return version, state

    def install(self, medium: Path, disk: Path, words: str, log: Path | None = None) -> str:
        """Let a medium install itself on a disk, and return what it says in the end."""
        with self.boot(Drive(path=medium), Drive(path=disk, keep=True, log=log), words=words) as console:
            said = console.expect(r"^(?:claylinux: install|wipe): (.* has the system|no disk is empty)", SECONDS)[1]
            assert console.wait_off(SECONDS) == 0
        return said


def grow(disk: Path) -> Path:
    """Make a disk, or one that is there, larger."""
    with disk.open("ab") as file:
        file.truncate(file.tell() + _STATE_SIZE * _MIB)
    return disk


def build(engine: Engine, top: Path, *, signed: bool = False, foreign: bool = False) -> System:
    """Build both versions. The loader is that of the image `claylinux/imager`.

    With `foreign`, another key than that of the firmware has signed version 2. It is there a second time, in the
    directory `named`: that index says who signed it.
    """
    require_tool("sfdisk", "mkfs.fat", "mcopy", "objcopy", *(("sbsign",) if signed else ()))
    keys = make_keys(top, "update")
    signer = make_signer(top) if signed else None
    other = make_signer(top, "other") if foreign else signer
    initrd = make_initrd(top / "initrd", keys.public, _parts())
    old, new = _version(OLD, initrd, top, signer), _version(NEW, initrd, top, other)
    if foreign:
        new.publish(top / "new/named", keys)
        new = replace(new, certificate=b"")
    new.publish(top / "new", keys)
    loader = loaders(engine, top) / "systemd-bootx64.efi"
    _sign(loader, signer)
    images = [_disk(version, keys, loader, top) for version in (old, new)]
    variables = enroll(top / "variables.fd", signer, make_signer(top, "platform")) if signer else None
    return System(images[0], images[1], fat_of(top / "new", top / "pieces.img", "PIECES"), new.content, variables)


def _sign(program: Path, signer: Signer | None) -> None:
    if signer is not None:
        argv = ("sbsign", "--key", signer.key, "--cert", signer.certificate, "--output", program, program)
        subprocess.run(argv, check=True, capture_output=True)


def loaders(engine: Engine, top: Path) -> Path:
    """Return a directory with the loaders of our image."""
    container = engine.docker("create", "claylinux/imager", "none").strip()
    engine.docker("cp", f"{container}:/usr/lib/claylinux/loaders", str(top / "loaders"))
    engine.docker("rm", container)
    return top / "loaders"


def _disk(version: Version, keys: Keys, loader: Path, top: Path) -> Path:
    """Make the image of a version as the build does it."""
    top = top / f"image-{version.version}"
    image, esp, none = top / "tiny.img", top / "esp", top / "none"
    version.put(esp, keys)
    for place in (esp / "EFI/BOOT", esp / "loader", none):
        place.mkdir(parents=True)
    (esp / "loader/loader.conf").write_text("timeout 0\neditor no\nauto-entries no\n")
    shutil.copy(loader, esp / "EFI/BOOT/BOOTX64.EFI")
    parts = (fat_of(esp, top / "esp.img", "CLAYLINUX", _ESP), fat_of(none, top / "up.img", "UPDATES", _UPDATES))
    subprocess.run(("mcopy", "-i", parts[0], "/dev/null", "::/loader/random-seed"), check=True)
    subprocess.run(("mattrib", "-i", parts[0], "+r", "::/loader/random-seed"), check=True)
    with image.open("wb") as file:
        file.seek(_MIB)
        for part in parts:
            file.write(part.read_bytes())
        file.truncate((_ESP + _UPDATES + 2) * _MIB)
    table = _TABLE.format(_GUID.format(version.version))
    subprocess.run(("sfdisk", "--quiet", image), input=table, text=True, check=True)
    return image


def _version(number: str, initrd: Path, top: Path, signer: Signer | None) -> Version:
    """Return a version: what differs is one line."""
    kernel = debian_file(newest_kernel(), "./boot/vmlinuz-*")
    stub = debian_file("systemd-boot-efi", "./usr/lib/systemd/boot/efi/linuxx64.efi.stub")
    release, words, made = top / f"os-release-{number}", top / f"cmdline-{number}", top / f"tiny-{number}.efi"
    release.write_text(f"ID=tiny\nPRETTY_NAME=Tiny\nIMAGE_ID={NAME}\nIMAGE_VERSION={number}\nVERSION_ID={number}\n")
    words.write_text(f"console=ttyS0 quiet no_timer_check panic=5 version={number}\0")
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
    _sign(made, signer)
    program, piece = made.read_bytes(), _MIB // 2
    parts = tuple(program[at : at + piece] for at in range(0, len(program), piece))
    return Version(number, parts, name=NAME, certificate=signer.der if signer else b"")


@dataclass(frozen=True)
class Parts:
    """What the system is made of: busybox, a directory with the modules of a kernel, and how a program gets there."""

    busybox: Path
    modules: Path
    add: Callable[[str, Path], None]


def _parts() -> Parts:
    kernel = newest_kernel()
    tree = debian_package(kernel) / "lib/modules" / kernel.removeprefix("linux-image-") / "kernel"
    return Parts(debian_file("busybox-static", "./bin/busybox"), tree, _add_program)


def make_initrd(root: Path, public: Path, parts: Parts) -> Path:
    """Make a system that trusts a public key, below `root`, and return its archive."""
    ours = root / "usr/lib/claylinux"
    shutil.copytree(REPOSITORY / "imager/guest", ours)
    for name in ("bin", "usr/bin", "usr/sbin", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "tests/boot/tiny/init", root / "init")
    shutil.copy(ours / "claylinux", root / "usr/bin/claylinux")
    shutil.copy(public, ours / "update.pem")
    _keep(root, ours)
    state = {f"state_{key}": value for key, value in _STATE.items()} | {"persist_words": ""}
    for file, settings in (("update.conf", _SETTINGS), ("install.conf", _INSTALL), ("state.conf", state)):
        (ours / file).write_text("".join(f"{key}='{value}'\n" for key, value in settings.items()))
    shutil.copy(parts.busybox, root / "bin/busybox")
    for name in _PROGRAMS:
        parts.add(name, root)
    # Some are in the kernel itself, on one architecture or the other.
    modules = [module for name in _MODULES if (module := parts.modules / f"{name}.ko").exists()]
    for module in modules:
        shutil.copy(module, root / "modules")
    (root / "modules/order").write_text("".join(f"{module.stem}\n" for module in modules))
    for file in ("init", "usr/bin/claylinux", "usr/lib/claylinux/state", "bin/busybox"):
        (root / file).chmod(0o755)
    names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
    archive = ("busybox", "cpio", "-o", "-H", "newc")
    packed = subprocess.run(archive, cwd=root, input=names.encode(), capture_output=True, check=True)
    made = root.with_suffix(".gz")
    made.write_bytes(gzip.compress(packed.stdout, 6, mtime=0))
    return made


def _keep(root: Path, ours: Path) -> None:
    """Add a directory that stays, and its lists."""
    (root / _KEPT[1:]).mkdir(parents=True)
    (root / _KEPT[1:] / "file").write_bytes(_FILE)
    (ours / "persist.list").write_text(f"{_KEPT}\n")
    digest = hashlib.sha256(_FILE).hexdigest()
    (ours / "image.list").write_text(f"d - 755:0:0 {_KEPT}\nf {digest} 644:0:0 {_KEPT}/file\n")


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
