"""PID 1 in a real machine: small systems, booted without firmware, tell on the console what they found."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imager import cpio
from imager.contract import Initramfs
from tests.support.engine import REPOSITORY
from tests.support.vm import Boot, require_tool

# Importable once tests.support.vm is.
from localvm.machine import Machine

pytestmark = pytest.mark.boot

BOOT_SECONDS = 90.0
# cap_net_bind_service=ep, in the form of linux/capability.h, VFS_CAP_REVISION_2.
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
OWN_INIT = "#!/bin/sh\necho the own init: $((6*7)) $$\nexec busybox poweroff -f\n"
CHECKS = """\
#!/bin/sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
check() { name=$1; shift; echo "check $name=$(eval "$@" 2>&1)"; }
check pid 'echo $$'
check arguments 'echo "$ARGUMENTS"'
check environment 'echo "$COLOUR"'
check console '[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all'
check pivot 'probe pivot'
check capability 'probe xattr /bin/busybox security.capability'
check user 'probe xattr /etc/thing user.colour'
check top 'echo /.[!.]* /*'
check init 'cat /init'
check dev 'stat -f -c %T /dev; [ -c /dev/null ] && ls /dev | grep -c ttyS0'
check mounts 'cut -d" " -f2 /proc/mounts | sort | xargs'
check writable 'echo yes > /etc/new && cat /etc/new'
check run 'ls -A /run | wc -l'
echo "token $((6*7))"
exec busybox poweroff -f
"""


@dataclass(frozen=True)
class Builder:
    """Makes initramfs archives of small systems that have busybox and the probe."""

    busybox: Path
    kernel: Path
    init: Path
    probe: Path
    folder: Path

    def machine(
        self, files: dict[str, str | bytes], append: str = "", xattrs: bytes | None = None, memory_mib: int = 256
    ) -> Machine:
        """Give the machine whose system has `files`; `xattrs` replaces the list of extended attributes."""
        system = self.system(files)
        initrd = self.folder / "initrd"
        request = Initramfs(system=str(system), init=str(self.init), output=str(initrd), compression="none", epoch=0)
        subprocess.run([sys.executable, "-m", "imager", *request.argv()], cwd=REPOSITORY, check=True, timeout=60)
        if xattrs is not None:
            with initrd.open("ab") as archive:
                archive.write(cpio.header(b".claylinux/xattrs", ino=1, mode=0o100600, size=len(xattrs)))
                archive.write(xattrs + cpio.padding(len(xattrs)) + cpio.TRAILER)
        return Machine(
            kernel=self.kernel,
            initrd=initrd,
            append=f"console=ttyS0 quiet {append}",
            firmware=False,
            memory_mib=memory_mib,
        )

    def system(self, files: dict[str, str | bytes]) -> Path:
        """Make the tree."""
        system = self.folder / "system"
        for name in ("bin", "etc", "mnt", "sbin", "opt"):
            (system / name).mkdir(parents=True)
        (system / "bin/busybox").write_bytes(self.busybox.read_bytes())
        (system / "bin/probe").write_bytes(self.probe.read_bytes())
        for name in ("sh", "cat", "cut", "grep", "ls", "sort", "stat", "wc", "xargs"):
            (system / "bin" / name).symlink_to("busybox")
        for name, content in files.items():
            (system / name).write_bytes(content.encode() if isinstance(content, str) else content)
        for folder in ("bin", "sbin", "opt"):
            for program in (system / folder).iterdir():
                program.chmod(0o755)
        return system


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our init and the probe, compiled."""
    require_tool("make", "gcc")
    folder = tmp_path_factory.mktemp("programs")
    subprocess.run(["make", "-s", "-C", str(REPOSITORY / "init"), f"OUT={folder}"], check=True, timeout=120)
    source = Path(__file__).parent / "guest/probe.c"
    subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Werror", "-o", folder / "probe", source], check=True)
    return folder


@pytest.fixture
def builder(programs: Path, busybox: Path, debian_kernel: Path, tmp_path: Path) -> Builder:
    return Builder(busybox, debian_kernel, programs / "init-amd64", programs / "probe", tmp_path)
