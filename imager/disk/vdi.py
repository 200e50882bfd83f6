"""The dynamic disk image of VirtualBox: it stores only blocks of 1 MiB with content.

There is no official specification. The fields are those of version 1.1 as described by "VDI" in the VirtualBox forum;
QEMU reads the same fields.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING

from imager.core import output
from imager.disk import raw

if TYPE_CHECKING:
    from imager.disk.medium import Medium
    from imager.requests.outputs import Vdi

BLOCK = 1 << 20
_MAP = 512
"""The position of the block map in bytes."""
_FREE = 0xFFFFFFFF
_DYNAMIC = 1


def run(request: Vdi) -> None:
    """Write the image."""
    with raw.open_medium(request, request.label) as medium, medium.writing(request) as fd:
        write(fd, medium)


def write(fd: int, medium: Medium) -> None:
    """Write the image to the empty file `fd`."""
    used = medium.used(BLOCK)
    stored = [number for run in used for number in run]
    places = array("I", [_FREE]) * (medium.size // BLOCK)
    for place, number in enumerate(stored):
        places[number] = place
    start = -(-(_MAP + 4 * len(places)) // BLOCK) * BLOCK
    output.write_at(fd, 0, _header(medium, start, len(stored)))
    output.write_at(fd, _MAP, struct.pack(f"<{len(places)}I", *places))
    medium.pack(fd, start, BLOCK, used)


def _header(medium: Medium, start: int, stored: int) -> bytes:
    return struct.pack(
        "<64sIIIII256sIIIIIIIQIIII16s16s16s16sIIII",
        b"<<< Claylinux Disk Image >>>\n",
        0xBEDA107F,
        0x00010001,
        400,  # the length of the header from here on
        _DYNAMIC,
        0,
        b"",
        _MAP,
        start,
        *(0, 0, 0, 512),  # VirtualBox chooses the geometry
        0,
        medium.size,
        BLOCK,
        0,
        medium.size // BLOCK,
        stored,
        medium.guid("vdi image").bytes_le,
        medium.guid("vdi state").bytes_le,
        bytes(16),
        bytes(16),
        *(0, 0, 0, 512),
    )
