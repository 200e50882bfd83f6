"""The host's programs and features for virtual machines."""

from __future__ import annotations

import select
import shutil
import subprocess
from pathlib import Path

from localvm.errors import MissingToolError
from localvm.machine import Firmware

KVM = Path("/dev/kvm")
PROGRAMS = {
    "amd64": ("qemu-system-x86_64", ("qemu-system-x86", "ovmf")),
    "arm64": ("qemu-system-aarch64", ("qemu-system-arm", "qemu-efi-aarch64")),
}
"""QEMU for each architecture, and the packages that bring it and its firmware."""
KVM_SECONDS = 2.0
_VERIFYING = {
    "amd64": ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_CODE.secboot.fd"),
    "arm64": ("/usr/share/AAVMF/AAVMF_CODE.secboot.fd", "/usr/share/AAVMF/AAVMF_CODE.ms.fd"),
}
"""Firmware that verifies what it starts, if its variables say so."""
_FIRMWARE = {
    "amd64": ("/usr/share/OVMF/OVMF_{}_4M.fd", "/usr/share/OVMF/OVMF_{}.fd"),
    "arm64": ("/usr/share/AAVMF/AAVMF_{}.fd",),
}


def find_qemu(architecture: str = "amd64") -> None:
    """Raise `MissingToolError` if there is no QEMU."""
    program, packages = PROGRAMS[architecture]
    if shutil.which(program) is None:
        raise MissingToolError(f"QEMU is not installed: run apt-get install {' '.join(packages)}")


def find_firmware(architecture: str = "amd64", variables: Path | None = None) -> Firmware:
    """Return Debian's OVMF, or AAVMF for arm64, with its own variables or others; raises `MissingToolError`."""
    package = PROGRAMS[architecture][1][-1]
    if variables is not None:
        if code := next((path for path in map(Path, _VERIFYING[architecture]) if path.exists()), None):
            return Firmware(code, variables)
        raise MissingToolError(f"UEFI firmware with Secure Boot is not installed: run apt-get install {package}")
    for pattern in _FIRMWARE[architecture]:
        found = Firmware(Path(pattern.format("CODE")), Path(pattern.format("VARS")))
        if found.code.exists() and found.variables.exists():
            return found
    raise MissingToolError(f"UEFI firmware for QEMU is not installed: run apt-get install {package}")


def kvm_works() -> bool:
    """Return whether KVM can really run a guest; the device alone does not prove it.

    An empty machine starts its BIOS, whose first byte on the debug port is the proof. If KVM is broken, QEMU exits
    immediately, or occupies a whole core and never writes anything.
    """
    if not KVM.exists():
        return False
    words = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-nodefaults", "-display", "none"]
    words += ["-chardev", "stdio,id=debug", "-device", "isa-debugcon,iobase=0x402,chardev=debug"]
    try:
        with subprocess.Popen(
            words, bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            try:
                spoke, _, _ = select.select([process.stdout], [], [], KVM_SECONDS)
                return bool(spoke) and process.stdout.read(1) != b""
            finally:
                process.kill()
    except OSError:
        return False
