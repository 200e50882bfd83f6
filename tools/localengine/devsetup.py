"""`tools/setup`: make a fresh Debian machine ready for demo, tests and lint. Quick when it is."""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

from localengine import binfmt
from localengine.commands import finish, run, watch
from localengine.errors import EngineError
from localengine.host import install_host_packages, on_host
from localengine.say import say

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements/dev.txt"
VENV = REPOSITORY / ".venv"
OLDEST_PYTHON = (3, 11)

# Program or file -> the Debian package that brings it.
HOST_FILES = {
    "gcc": "gcc",
    "make": "make",
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-system-aarch64": "qemu-system-arm",
    "xz": "xz-utils",
    "shellcheck": "shellcheck",
    "zstd": "zstd",
    "/usr/share/OVMF/OVMF_CODE_4M.fd": "ovmf",
    "/usr/share/AAVMF/AAVMF_CODE.fd": "qemu-efi-aarch64",
    # Steps of arm64 run emulated; mmdebstrap makes its system.
    "qemu-aarch64-static": "qemu-user-static",
    "arch-test": "arch-test",
    "/usr/include/stdio.h": "libc6-dev",
    # The tests look at images with the tools of others.
    "debugfs": "e2fsprogs",
    "fsck.fat": "dosfstools",
    "mdir": "mtools",
    "mksquashfs": "squashfs-tools",
    "tar2sqfs": "squashfs-tools-ng",
    "objdump": "binutils",
    "openssl": "openssl",
    "pigz": "pigz",
    "podman": "podman",
    "qemu-img": "qemu-utils",
    "sbverify": "sbsigntool",
    "setcap": "libcap2-bin",
    "sgdisk": "gdisk",
    "xorriso": "xorriso",
}


def main(argv: list[str]) -> int:
    """Run the command line; the result is the process's exit code."""
    parser = argparse.ArgumentParser(prog="tools/setup", description=__doc__)
    parser.parse_args(argv)

    def action() -> int:
        install_host_packages(missing_packages())
        make_venv()
        if problem := binfmt.register():
            say(f"systems for arm64 cannot be built here: {problem}")
        return 0

    return finish("setup", action)


def missing_packages() -> list[str]:
    """The Debian packages that the host lacks."""
    missing = {
        package
        for file, package in HOST_FILES.items()
        if not (Path(file).exists() if file.startswith("/") else on_host(file))
    }
    if not _python_has_venv():
        missing.add("python3-venv")
    return sorted(missing)


def make_venv() -> None:
    """Have .venv with exactly what requirements/dev.txt pins."""
    if sys.version_info < OLDEST_PYTHON:
        raise EngineError("Python 3.11 or newer is needed: Debian 12 and 13 have it as python3")
    wanted = f"{sys.version}\n{hashlib.sha256(LOCK.read_bytes()).hexdigest()}\n"
    stamp = VENV / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing {LOCK.relative_to(REPOSITORY)} into .venv")
    if not (VENV / "bin/python").exists():
        run([sys.executable, "-m", "venv", str(VENV)], ".venv cannot be made")
    pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check"]
    watch([*pip, "--require-hashes", f"--requirement={LOCK}"], "the Python dependencies cannot be installed")
    stamp.write_text(wanted)


def _python_has_venv() -> bool:
    """Debian ships venv apart from Python."""
    found = subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True, check=False)
    return found.returncode == 0
