"""Virtual machines for tests: `boot`, and the fixtures `debian_kernel` and `busybox` for small ones."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from imager.commands import perform
from imager.initramfs import bootstrap
from imager.kernel import modfile
from imager.requests.kernel import KernelTree
from imager.rootfs.root import Root
from tests.support.engine import REPOSITORY, unavailable

sys.path.insert(0, str(REPOSITORY / "tools"))

from localengine.places import cache_dir
from localvm import host
from localvm.console import Console, running
from localvm.errors import MissingToolError
from localvm.machine import Machine

kvm_works = cache(host.kvm_works)
_COMPLAINTS = re.compile(r"Could not detach|Could not unmount|Failed to finalize|can't unmount", re.IGNORECASE)
"""What a guest says that cannot be turned off in order."""


_LAYER_HELD = re.compile(r"Could not detach DM /dev/dm-\d+: Device or resource busy")


@contextmanager
def boot(machine: Machine, *, layers_on_disk: bool = False) -> Iterator[Console]:
    """Run a machine for a `with` block, with KVM if it works. Without QEMU skip the test, or fail it in CI.

    `layers_on_disk`: the root is on devices of the device mapper, which systemd tries to detach, and cannot.

    It prints the whole transcript, which pytest shows if the test fails.
    """
    try:
        with running(replace(machine, kvm=kvm_works())) as console:
            try:
                yield console
            finally:
                print(console.text)
            text = _LAYER_HELD.sub("", console.text) if layers_on_disk else console.text
            assert _COMPLAINTS.findall(text) == [], "the guest could not be turned off in order"
    except MissingToolError as error:
        unavailable(str(error))


@pytest.fixture(scope="session")
def debian_kernel() -> Path:
    """Return a kernel for virtual machines as Debian ships it; its name ends with its version."""
    return debian_file(newest_kernel(), "./boot/vmlinuz-*")


@pytest.fixture(scope="session")
def debian_modules(debian_kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree with the modules of `debian_kernel` that overlay mode needs, and their list."""
    version = debian_kernel.name.removeprefix("vmlinuz-")
    patterns = tuple(f"*/lib/modules/*/{name}.ko*" for name in bootstrap.NEEDED)
    found = debian_files(f"linux-image-{version}", patterns, f"modules-{version}")
    tree = tmp_path_factory.mktemp("modules")
    shutil.copytree(found, tree / "lib/modules" / version)
    needs = {
        file.name: dict(modfile.modinfo(modfile.read(Root(found), file.name))).get("depends")
        for file in found.iterdir()
    }
    # Like the output of depmod(8); any further dependency would have to come from the package too.
    assert not any(needs.values()), needs
    (tree / "lib/modules" / version / "modules.dep").write_text("".join(f"{name}:\n" for name in sorted(needs)))
    return tree


@pytest.fixture(scope="session")
def disk_modules(debian_kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree like `debian_modules`, for layers on a disk: with the drivers that virtual machines need."""
    require_tool("depmod")
    tree = tmp_path_factory.mktemp("disk-modules")
    package = debian_package(f"linux-image-{debian_kernel.name.removeprefix('vmlinuz-')}")
    shutil.copytree(package / "lib/modules", tree / "lib/modules")
    names = (
        *bootstrap.NEEDED_ON_DISK,
        *bootstrap.NEEDED_FOR_COPY,
        "virtio_pci",
        "virtio_blk",
        "virtio_scsi",
        "sd_mod",
        "sr_mod",
        "sha256_ssse3",
    )
    perform(KernelTree(system=str(tree), output=str(tree / "kernel.json"), include=names, epoch=0))
    return tree


@pytest.fixture(scope="session")
def busybox() -> Path:
    """Return Debian's static busybox."""
    return debian_file("busybox-static", "./bin/busybox")


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return our init and the probe, compiled."""
    require_tool("make", "gcc", "musl-gcc")
    directory = tmp_path_factory.mktemp("programs")
    subprocess.run(["make", "-s", "-C", str(REPOSITORY / "init"), f"OUT={directory}"], check=True, timeout=120)
    source = REPOSITORY / "tests/boot/guest/probe.c"
    subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Werror", "-o", directory / "probe", source], check=True)
    return directory


def said(text: str) -> list[str]:
    """Return the lines that our init wrote to the console."""
    return re.findall(r"claylinux: (.*)$", text, re.MULTILINE)


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_tool(*names: str) -> None:
    """Skip the test if a program is not installed, or fail it in CI."""
    for name in names:
        if shutil.which(name) is None:
            unavailable(f"{name} is not installed")


def newest_kernel() -> str:
    """Return the Debian package that has the newest kernel for virtual machines."""
    newest = _run("apt-cache", "depends", "--important", "linux-image-cloud-amd64")
    names = [line.split()[-1] for line in newest.splitlines() if "Depends: linux-image-" in line]
    if not names:
        unavailable("apt knows no linux-image-cloud-amd64: apt-get update")
    return names[0]


def debian_package(package: str) -> Path:
    """Return a whole Debian package, unpacked, from the cache or else from the host's own mirror."""
    folder = _cache() / f"whole-{package}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_cache()) as scratch:
            tree = Path(scratch) / "tree"
            _run("dpkg-deb", "--extract", str(_download(package, Path(scratch))), str(tree))
            # Another session may have been faster.
            if not folder.exists():
                tree.rename(folder)
    return folder


def debian_file(package: str, pattern: str) -> Path:
    """Return the matching file of a Debian package, from the cache or from the host's own mirror."""
    (file,) = debian_files(package, (pattern,), package).iterdir()
    return file


def debian_files(package: str, patterns: tuple[str, ...], name: str) -> Path:
    """Return the directory `name` in the cache with the first file of a Debian package for each of the patterns."""
    directory = _cache() / name
    if not directory.exists():
        with tempfile.TemporaryDirectory(dir=_cache()) as scratch:
            found = _unpack(_download(package, Path(scratch)), patterns, Path(scratch) / "found")
            # Another session may have been faster.
            if not directory.exists():
                found.rename(directory)
    return directory


def arm64_packages(*names: str) -> Path:
    """Return the content of Debian packages for arm64, one over the other, and of the kernel for virtual machines."""
    folder = _cache() / f"arm64-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_cache()) as scratch:
            place, tree = Path(scratch), Path(scratch, "tree")
            (place / "lists/partial").mkdir(parents=True)
            # Apart from what this machine has: its apt need not know of the other architecture.
            own = {"Dir::State::Lists": f"{place}/lists", "Dir::Cache": scratch, "Dir::State::status": "/dev/null"}
            own |= {"APT::Architecture": "arm64", "APT::Architectures": "arm64"}
            words = tuple(f"--option={name}={value}" for name, value in own.items())
            _run("apt-get", *words, "update")
            kernel = _run("apt-cache", *words, "depends", "--important", "linux-image-cloud-arm64").split()[-1]
            _run("apt-get", *words, "download", kernel, *names, cwd=place)
            for archive in place.glob("*.deb"):
                _run("dpkg-deb", "--extract", str(archive), str(tree))
            if not folder.exists():
                tree.rename(folder)
    return folder


def _cache() -> Path:
    folder = cache_dir() / "test-assets"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(package: str, to: Path) -> Path:
    _run("apt-get", "download", package, cwd=to)
    (archive,) = to.glob("*.deb")
    return archive


def _unpack(archive: Path, patterns: tuple[str, ...], to: Path) -> Path:
    require_tool("dpkg-deb")
    to.mkdir()
    wanted = set(patterns)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as unpacking:
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as content:
            for member in content:
                matched = {pattern for pattern in wanted if member.isfile() and fnmatch(member.name, pattern)}
                if matched:
                    source = content.extractfile(member)
                    assert source is not None
                    with (to / Path(member.name).name).open("wb") as target:
                        shutil.copyfileobj(source, target)
                    (to / Path(member.name).name).chmod(member.mode)
                    wanted -= matched
                if not wanted:
                    break
        unpacking.kill()
    assert not wanted, f"{archive.name} has no {wanted}"
    return to


def _run(*argv: str, cwd: Path | None = None) -> str:
    require_tool(argv[0])
    done = subprocess.run(
        argv, cwd=cwd, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
    )
    if done.returncode != 0:
        unavailable(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
