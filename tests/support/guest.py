"""Small systems that boot in a second or two: the fixture `builder`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from imager.archive import cpio
from imager.requests.packing import Initramfs
from localvm.machine import Machine
from tests.support.engine import REPOSITORY


@dataclass(frozen=True)
class Builder:
    """Makes initramfs archives of small systems with busybox and the probe."""

    busybox: Path
    kernel: Path
    init: Path
    probe: Path
    directory: Path

    def system(self, files: dict[str, str | bytes]) -> Path:
        """Create the tree with busybox, the probe and `files`, and return it."""
        system = self.directory / "system"
        for name in ("bin", "etc", "mnt", "opt", "sbin"):
            (system / name).mkdir(parents=True)
        shutil.copy(self.busybox, system / "bin/busybox")
        shutil.copy(self.probe, system / "bin/probe")
        for name in ("sh", "cat", "cut", "grep", "ls", "readlink", "sort", "uname", "wc", "xargs"):
            (system / "bin" / name).symlink_to("busybox")
        for name, content in files.items():
            (system / name).write_bytes(content.encode() if isinstance(content, str) else content)
            (system / name).chmod(0o755)
        return system

    def machine(self, append: str = "", *, more: bytes = b"") -> Machine:
        """Return the machine that boots the tree, with `more` unpacked on top."""
        initrd = self.directory / "initrd"
        request = Initramfs(
            system=str(self.directory / "system"),
            init=str(self.init),
            output=str(initrd),
            compression="zstd:1",
            epoch=0,
        )
        subprocess.run([sys.executable, "-m", "imager", *request.argv()], cwd=REPOSITORY, check=True, timeout=60)
        with initrd.open("ab") as archive:
            archive.write(cpio.padding(archive.tell()) + more)
        return Machine(
            kernel=self.kernel,
            initrd=initrd,
            append=f"console=ttyS0 quiet no_timer_check {append}",
            firmware=False,
            memory_mib=256,
        )


@pytest.fixture
def builder(programs: Path, busybox: Path, debian_kernel: Path, tmp_path: Path) -> Builder:
    return Builder(busybox, debian_kernel, programs / "init-amd64", programs / "probe", tmp_path)
