"""Programs of arm64 on this machine: the kernel runs them with QEMU (its admin-guide/binfmt-misc.rst)."""

import platform
import subprocess
from pathlib import Path

from localengine.host import find_on_host

DIRECTORY = Path("/proc/sys/fs/binfmt_misc")
_INTERPRETERS = ("qemu-aarch64-static", "qemu-aarch64")
# An ELF file of 64 bits for AArch64, executable or shared; the rest of its first bytes may differ.
_MAGIC = bytes.fromhex("7f454c460201010000000000000000000200b700")
_MASK = bytes.fromhex("ffffffffffffff00fffffffffffffffffeffffff")
_OWN_FILES = ("register", "status")
_FIX_BINARY = "F"
"""The interpreter is opened now, so programs in containers find it."""


def register() -> str:
    """Have the kernel run programs of arm64; return why that is not possible, or nothing."""
    if platform.machine() == "aarch64" or is_registered():
        return ""
    interpreter = next(filter(None, map(find_on_host, _INTERPRETERS)), None)
    if interpreter is None:
        return "qemu-aarch64-static is missing (the package qemu-user-static)"
    if not (DIRECTORY / "register").exists():
        mount = ["mount", "-t", "binfmt_misc", "binfmt_misc", str(DIRECTORY)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            return mounted.stderr.strip() or "the kernel has no binfmt_misc"
        if is_registered():
            return ""
    try:
        (DIRECTORY / "register").write_text(_rule(interpreter))
    except OSError as error:
        return f"{DIRECTORY}: {error.strerror}"
    return ""


def is_registered() -> bool:
    """Whether the kernel runs programs of arm64, those in containers too."""
    try:
        return any(_is_ours(entry.read_text()) for entry in DIRECTORY.iterdir() if entry.name not in _OWN_FILES)
    except OSError:
        return False


def _is_ours(entry: str) -> bool:
    words = dict(line.partition(" ")[::2] for line in entry.splitlines())
    return "enabled" in words and words.get("magic") == _MAGIC.hex() and _FIX_BINARY in words.get("flags:", "")


def _rule(interpreter: str) -> str:
    magic, mask = ("".join(f"\\x{byte:02x}" for byte in text) for text in (_MAGIC, _MASK))
    return f":qemu-aarch64:M:0:{magic}:{mask}:{interpreter}:{_FIX_BINARY}\n"
