"""What this machine has to run virtual machines with."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from localvm.errors import MissingToolError
from localvm.machine import Firmware

PACKAGES = ("qemu-system-x86", "ovmf")
_FOLDER = Path("/usr/share/OVMF")
_NAMES = (("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"), ("OVMF_CODE.fd", "OVMF_VARS.fd"))


def find_qemu() -> None:
    """Raise `MissingToolError` when there is no QEMU."""
    if shutil.which("qemu-system-x86_64") is None:
        raise MissingToolError(f"QEMU is missing; install it: apt-get install {' '.join(PACKAGES)}")


def find_firmware() -> Firmware:
    """Return Debian's OVMF. Raises `MissingToolError`."""
    for code, variables in _NAMES:
        if (_FOLDER / code).exists() and (_FOLDER / variables).exists():
            return Firmware(_FOLDER / code, _FOLDER / variables)
    raise MissingToolError("UEFI firmware for QEMU is missing; install it: apt-get install ovmf")


def kvm_works() -> bool:
    """Whether KVM really runs a guest: the device alone proves nothing.

    An empty machine reads its firmware and waits; where KVM is broken QEMU ends at once, or burns a whole core.
    """
    if not Path("/dev/kvm").exists():
        return False
    words = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-nodefaults", "-display", "none", "-S"]
    try:
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as p:
            deadline = time.monotonic() + 1.0
            while time.monotonic() < deadline and p.poll() is None:
                time.sleep(0.05)
            alive = p.poll() is None
            p.kill()
            return alive
    except OSError:
        return False
