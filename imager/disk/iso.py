"""The hybrid ISO: one file that boots as a CD, and also as a disk after writing it to one.

    bytes        as a CD                                as a disk
    0            system area, ignored                   protective MBR, GPT
    32 KiB       volume descriptors, boot catalog,      (outside of all partitions)
                 path tables, directories
    1 MiB        El Torito boot image = the ESP         EFI system partition
    end          -                                      backup GPT

The program inside the ESP is also a file in the CD's own file system. Both refer to the same bytes, so the image stores
the program once. References: ECMA-119, "El Torito" 1.0, UEFI specification 13.3.2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import clock
from imager.core.errors import ImagerError
from imager.disk import esp, raw

if TYPE_CHECKING:
    from imager.disk.medium import Medium
    from imager.requests.outputs import Iso
    from imager.requests.secureboot import Enroll

BLOCK = 2048
_DESCRIPTORS = 16
"""The block of the first volume descriptor."""
_CATALOG, _PATHS_L, _PATHS_M, _ROOT, _EFI, _BOOT = range(19, 25)
"""The blocks after the three descriptors."""
_DIRECTORY = 0x02
_EFI_PLATFORM = 0xEF


@dataclass(frozen=True)
class _File:
    """A file on the CD with `size` bytes, starting at `block`."""

    name: str
    block: int
    size: int


def run(request: Iso) -> None:
    """Write the ISO."""
    label = volume_label(request.label)
    with raw.open_medium(request, "CLAYLINUX", alone=True) as medium:
        write(request, medium, label)


def write(request: Iso | Enroll, medium: Medium, label: str) -> None:
    """Write a disk as an ISO whose CD is called `label`."""
    place = medium.program
    program = _File(esp.PROGRAM_NAMES[request.architecture], place.start // BLOCK, len(place))
    descriptors = volume(label, program, medium.size // BLOCK, request.epoch)
    with medium.writing(request) as fd:
        raw.write(fd, medium.with_data(_DESCRIPTORS * BLOCK, descriptors))


def volume_label(label: str) -> str:
    """Return the checked name of the CD, which Linux shows in /dev/disk/by-label."""
    if not label.strip() or len(label) > 32 or not label.isascii() or not label.isprintable() or "/" in label:
        raise ImagerError(f"the label {label!r} does not fit an ISO: use 1 to 32 letters, digits, '-' or '_'")
    return label


def volume(label: str, program: _File, blocks: int, epoch: int) -> bytes:
    """Return everything from the first volume descriptor to the last directory."""
    root = _directory(_ROOT, _ROOT, epoch, _record(b"EFI", _EFI, BLOCK, _DIRECTORY, epoch))
    efi = _directory(_EFI, _ROOT, epoch, _record(b"BOOT", _BOOT, BLOCK, _DIRECTORY, epoch))
    file = _record(f"{program.name};1".encode(), program.block, program.size, 0, epoch)
    parts = (
        _primary(label, blocks, epoch),
        _boot_record(),
        b"\xffCD001\x01",
        _catalog(),
        _path_table("<"),
        _path_table(">"),
        root,
        efi,
        _directory(_BOOT, _EFI, epoch, file),
    )
    return b"".join(part.ljust(BLOCK, b"\0") for part in parts)


def _primary(label: str, blocks: int, epoch: int) -> bytes:
    """Return the primary volume descriptor (ECMA-119 8.4)."""
    now, never = clock.iso_long(epoch), b"0" * 16 + b"\0"
    table = _path_table("<")
    return b"".join(
        (
            b"\x01CD001\x01\0",
            b" " * 32,
            label.encode().ljust(32),
            b"\0" * 8,
            _both32(blocks),
            b"\0" * 32,
            _both16(1) + _both16(1) + _both16(BLOCK),
            _both32(len(table)),
            struct.pack("<II", _PATHS_L, 0) + struct.pack(">II", _PATHS_M, 0),
            _record(b"\0", _ROOT, BLOCK, _DIRECTORY, epoch),
            b" " * 128 * 2,
            b"CLAYLINUX".ljust(128),
            b" " * (128 + 37 * 3),
            now + now + never + now,
            b"\x01\0",
        )
    )


def _boot_record() -> bytes:
    """Return the descriptor that locates the boot catalog (El Torito, figure 7)."""
    return b"\0CD001\x01" + b"EL TORITO SPECIFICATION".ljust(64, b"\0") + struct.pack("<I", _CATALOG)


def _catalog() -> bytes:
    """Return the boot catalog, in which firmware finds the ESP as boot image (El Torito, figures 2 and 3).

    The length is 0. Its 16 bits count 512-byte sectors, too few for most images. For UEFI, 0 means "up to the end of
    the CD"; the file system inside knows its own length.
    """
    validation = bytearray(struct.pack("<BBH24sHBB", 1, _EFI_PLATFORM, 0, b"CLAYLINUX", 0, 0x55, 0xAA))
    total = sum(struct.unpack("<16H", validation)) & 0xFFFF
    struct.pack_into("<H", validation, 28, -total & 0xFFFF)
    return bytes(validation) + struct.pack("<BBHBxHI", 0x88, 0, 0, 0, 0, raw.ESP_START // BLOCK)


def _path_table(order: str) -> bytes:
    """Return the path table (ECMA-119 9.4): name, block and parent of each directory."""
    directories = ((b"\0", _ROOT, 1), (b"EFI", _EFI, 1), (b"BOOT", _BOOT, 2))
    return b"".join(
        struct.pack(f"{order}BBIH", len(name), 0, block, parent) + name + b"\0" * (len(name) % 2)
        for name, block, parent in directories
    )


def _directory(own: int, parent: int, epoch: int, child: bytes) -> bytes:
    return _record(b"\0", own, BLOCK, _DIRECTORY, epoch) + _record(b"\1", parent, BLOCK, _DIRECTORY, epoch) + child


def _record(name: bytes, block: int, size: int, flags: int, epoch: int) -> bytes:
    """Return a directory record (ECMA-119 9.1)."""
    tail = bytes([flags, 0, 0]) + _both16(1) + bytes([len(name)]) + name
    body = b"\0" + _both32(block) + _both32(size) + clock.iso_short(epoch) + tail
    length = 1 + len(body)
    return bytes([length + length % 2]) + body + b"\0" * (length % 2)


def _both16(value: int) -> bytes:
    return struct.pack("<H", value) + struct.pack(">H", value)


def _both32(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)
