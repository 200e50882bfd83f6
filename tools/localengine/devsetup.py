"""`tools/setup`: prepare a fresh Debian machine for demo, tests and lint. Quick if it is already prepared."""

import argparse
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from localengine import binfmt
from localengine.commands import exit_code_of, run, watch
from localengine.errors import EngineError
from localengine.host import find_on_host, install_host_packages
from localengine.say import say

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements/dev.txt"
VENV = REPOSITORY / ".venv"
OLDEST_PYTHON = (3, 11)

# Program or file -> the Debian package that contains it.
UNIT_FILES = {
    "/usr/include/stdio.h": "libc6-dev",
    "busybox": "busybox-static",
    "gcc": "gcc",
    "lz4": "lz4",
    "make": "make",
    "xz": "xz-utils",
    "zstd": "zstd",
    # The tests check images with independent tools.
    "dash": "dash",
    "debugfs": "e2fsprogs",
    "depmod": "kmod",
    "fsck.fat": "dosfstools",
    "mdir": "mtools",
    "mksquashfs": "squashfs-tools",
    "musl-gcc": "musl-tools",
    "openssl": "openssl",
    "osslsigncode": "osslsigncode",
    "pigz": "pigz",
    "qemu-img": "qemu-utils",
    "qemu-storage-daemon": "qemu-system-common",
    "sbverify": "sbsigntool",
    "sfdisk": "fdisk",
    "sgdisk": "gdisk",
    "tar2sqfs": "squashfs-tools-ng",
    "xorriso": "xorriso",
}
HOST_FILES = UNIT_FILES | {
    "/usr/share/AAVMF/AAVMF_CODE.fd": "qemu-efi-aarch64",
    "/usr/share/OVMF/OVMF_CODE_4M.fd": "ovmf",
    # Steps of arm64 run emulated; mmdebstrap makes its system.
    "arch-test": "arch-test",
    "gpg": "gpg",
    "mmdebstrap": "mmdebstrap",
    "objdump": "binutils",
    "podman": "podman",
    "qemu-aarch64-static": "qemu-user-static",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-x86_64": "qemu-system-x86",
    "setcap": "libcap2-bin",
    "shellcheck": "shellcheck",
    "swtpm": "swtpm",
}


def main(argv: list[str]) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="tools/setup", description=__doc__)
    parser.add_argument("--unit", action="store_true", help="install only the requirements of the unit tests")
    files = UNIT_FILES if parser.parse_args(argv).unit else HOST_FILES

    def action() -> int:
        install_host_packages(missing_packages(files))
        make_venv()
        if problem := binfmt.register():
            say(f"systems for arm64 cannot be built here: {problem}")
        return 0

    return exit_code_of("setup", action)


def missing_packages(files: Mapping[str, str]) -> list[str]:
    """Return the Debian packages of `files` that the host lacks."""
    missing = {
        package
        for file, package in files.items()
        if not (Path(file).exists() if file.startswith("/") else find_on_host(file))
    }
    if not _python_has_venv():
        missing.add("python3-venv")
    return sorted(missing)


def make_venv() -> None:
    """Make .venv contain exactly the packages in requirements/dev.txt."""
    if sys.version_info < OLDEST_PYTHON:
        raise EngineError("Python 3.11 or newer is required: use the python3 of Debian 12 or 13")
    wanted = f"{sys.version}\n{hashlib.sha256(LOCK.read_bytes()).hexdigest()}\n"
    stamp = VENV / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing {LOCK.relative_to(REPOSITORY)} into .venv")
    if not (VENV / "bin/python").exists():
        run([sys.executable, "-m", "venv", str(VENV)], "cannot create .venv")
    pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check"]
    watch([*pip, "--require-hashes", f"--requirement={LOCK}"], "cannot install the Python dependencies")
    stamp.write_text(wanted)


def _python_has_venv() -> bool:
    """Return whether Python has venv, which Debian packages separately."""
    found = subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True, check=False)
    return found.returncode == 0
