"""The processor that a program or kernel is for, from its first bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

# Docker's names for the machine numbers of ELF (e_machine) and PE (IMAGE_FILE_MACHINE_*).
_ELF = {3: "386", 21: "ppc64le", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64"}
_PE = {0x14C: "386", 0x1C4: "arm", 0x8664: "amd64", 0xAA64: "arm64", 0x5064: "riscv64", 0x6264: "loong64"}
PE_NUMBER = {name: number for number, name in _PE.items()}
"""PE machine number by Docker's name."""
HEAD = 4096
"""The bytes of a file that the functions below need."""


def of_elf(head: bytes) -> str | None:
    """Return the machine of an ELF file, or None if `head` is not the start of one."""
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return None
    order = "big" if head[5] == 2 else "little"
    number = int.from_bytes(head[18:20], order)  # type: ignore[arg-type]
    return _ELF.get(number, f"elf-{number}")


def of_pe(head: bytes) -> str | None:
    """Return the machine of a PE file, for example of a kernel with an EFI stub, or None for any other file."""
    if head[:2] != b"MZ" or len(head) < 64:
        return None
    (offset,) = struct.unpack_from("<I", head, 0x3C)
    if head[offset : offset + 4] != b"PE\0\0" or len(head) < offset + 6:
        return None
    (number,) = struct.unpack_from("<H", head, offset + 4)
    return _PE.get(number, f"pe-{number:#x}")
