"""Variables of OVMF, the firmware of virtual machines: a file with the keys in it, and Secure Boot on.

The content is that of the flash chip which the firmware writes to. References: UEFI Platform Initialization 1.8,
volume 3, 3.2.1 (firmware volume); EDK II, MdeModulePkg/Include/Guid/VariableFormat.h (store and variables) and
SystemNvDataGuid.h (the area for writes that power cuts must not break).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID
from zlib import crc32

from imager.core import output, terminal
from imager.core.errors import ImagerError
from imager.secureboot import enrollment, updates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.requests.secureboot import OvmfVars
    from imager.secureboot.updates import Update

_VOLUME = UUID("fff12b8d-7696-4c8b-a985-2747075b4f50")
_STORE = UUID("aaf32c78-947b-439a-a180-2e144ec37792")
_SPARE = UUID("9e58292b-7c68-497d-a0ce-6500fd9f1b95")
_VOLUME_HEADER = struct.Struct("<16x16sQ4sIHHHBB4I")
_STORE_HEADER = struct.Struct("<16sIBB6x")
_VARIABLE_HEADER = struct.Struct("<HBxIQ16sIII16s")
_SPARE_HEADER = struct.Struct("<16sIB3xQ")
_EMPTY = b"\xff"
_VALID = 0x3F


@dataclass(frozen=True)
class _Chip:
    """Sizes in bytes: of the file, the area of variables, the gap behind it, the log of writes, and all in blocks."""

    file: int
    store: int
    gap: int
    log: int
    blocks: int
    block: int


_CHIPS = {
    "amd64": _Chip(0x84000, 0x40000, 0x1000, 0x1000, 0x84, 0x1000),
    "arm64": _Chip(64 << 20, 0x40000, 0, 0x40000, 3, 0x40000),
}
"""OVMF of 4 MiB, which distributions ship since 2022, and the firmware of QEMU's board `virt`."""


def run(request: OvmfVars) -> None:
    """Write the file."""
    found = enrollment.load(Path(request.keys))
    data = fill(request.architecture, found)
    with output.writing(request.output, request.epoch) as fd:
        output.write_all(fd, data)
        output.truncate(fd, _CHIPS[request.architecture].file)
    terminal.tell(f"firmware variables: {', '.join(found)}; Secure Boot is on")


def fill(architecture: str, content: Mapping[str, Update]) -> bytes:
    """Return the written part of a chip that has these variables."""
    chip = _CHIPS[architecture]
    whole = chip.blocks * chip.block
    variables = b"".join(_variable(name, update) for name, update in content.items())
    store = _STORE_HEADER.pack(_STORE.bytes_le, chip.store - _VOLUME_HEADER.size, 0x5A, 0xFE) + variables
    if _VOLUME_HEADER.size + len(store) > chip.store:
        raise ImagerError("`secure_boot.enroll`: the keys are larger than the variables of OVMF can be")
    area = (_volume_header(chip, whole) + store).ljust(chip.store + chip.gap, _EMPTY)
    return (area + _spare_header(chip)).ljust(whole, _EMPTY)


def _volume_header(chip: _Chip, whole: int) -> bytes:
    def pack(checksum: int) -> bytes:
        identity = (_VOLUME.bytes_le, whole, b"_FVH", 0x4FEFF, _VOLUME_HEADER.size)
        return _VOLUME_HEADER.pack(*identity, checksum, 0, 0, 2, chip.blocks, chip.block, 0, 0)

    return pack(-sum(struct.unpack(f"<{_VOLUME_HEADER.size // 2}H", pack(0))) & 0xFFFF)


def _spare_header(chip: _Chip) -> bytes:
    size = chip.log - _SPARE_HEADER.size
    # The state is no part of the sum, which is made while the chip is empty.
    blank = bytearray(_SPARE_HEADER.pack(_SPARE.bytes_le, 0xFFFFFFFF, 0xFF, size))
    blank[21:24] = _EMPTY * 3
    blank[16:20] = struct.pack("<I", crc32(blank))
    blank[20] = 0xFE
    return bytes(blank)


def _variable(name: str, update: Update) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    head = _VARIABLE_HEADER.pack(
        0x55AA,
        _VALID,
        updates.ATTRIBUTES,
        0,
        update.time,
        0,
        len(text),
        len(update.content),
        updates.VARIABLES[name].bytes_le,
    )
    data = head + text + update.content
    return data + _EMPTY * (-len(data) % 4)
