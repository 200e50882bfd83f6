"""The host's programs and features for virtual machines."""

from __future__ import annotations

import select
import shutil
import subprocess
from pathlib import Path

from localvm.errors import MissingToolError
from localvm.machine import Firmware

KVM = Path("/dev/kvm")
PACKAGES = ("qemu-system-x86", "ovmf")
KVM_SECONDS = 2.0
_DIRECTORY = Path("/usr/share/OVMF")
_NAMES = (("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), ("OVMF_CODE.fd", "OVMF_VARS.fd"))


def find_qemu() -> None:
    """Raise `MissingToolError` if there is no QEMU."""
    if shutil.which("qemu-system-x86_64") is None:
        raise MissingToolError(f"QEMU is not installed: run apt-get install {' '.join(PACKAGES)}")


def find_firmware() -> Firmware:
    """Return Debian's OVMF; raises `MissingToolError`."""
    for code, variables in _NAMES:
        if (_DIRECTORY / code).exists() and (_DIRECTORY / variables).exists():
            return Firmware(_DIRECTORY / code, _DIRECTORY / variables)
    raise MissingToolError("UEFI firmware for QEMU is not installed: run apt-get install ovmf")


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
