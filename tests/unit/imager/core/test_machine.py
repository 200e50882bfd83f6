"""The processor of a program or kernel, read from its first bytes."""

from __future__ import annotations

import struct

import pytest

from imager.core import machine

LITTLE, BIG = b"\x7fELF\x02\x01", b"\x7fELF\x02\x02"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (LITTLE.ljust(18, b"\0") + struct.pack("<H", 62), "amd64"),
        (LITTLE.ljust(18, b"\0") + struct.pack("<H", 183), "arm64"),
        (BIG.ljust(18, b"\0") + struct.pack(">H", 22), "s390x"),
        (BIG.ljust(18, b"\0") + struct.pack(">H", 2), "elf-2"),
        (LITTLE.ljust(18, b"\0") + b"\x3e", None),
        (b"\x7fELG".ljust(18, b"\0") + struct.pack("<H", 62), None),
        (b"", None),
    ],
)
def test_the_machine_of_a_program(head: bytes, name: str | None) -> None:
    assert machine.of_elf(head) == name


def kernel(number: int, magic: bytes = b"PE\0\0") -> bytes:
    return b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 64) + magic + struct.pack("<H", number)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (kernel(0x8664), "amd64"),
        (kernel(0xAA64), "arm64"),
        (kernel(0x1234), "pe-0x1234"),
        (kernel(0x8664, b"NE\0\0"), None),
        (kernel(0x8664)[:-1], None),
        (kernel(0x8664)[:63], None),
        (b"ZM" + kernel(0x8664)[2:], None),
    ],
)
def test_the_machine_of_a_kernel(head: bytes, name: str | None) -> None:
    assert machine.of_pe(head) == name
