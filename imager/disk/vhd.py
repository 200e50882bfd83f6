"""The fixed VHD for Azure, Hyper-V and Xen: the raw disk and a footer.

Azure supports only this kind, and only sizes of whole MiB, like ours. The file is as long as the disk, but has holes.
Reference: Microsoft "Virtual Hard Disk Image Format Specification" 1.0.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from imager.core import output
from imager.disk import raw

if TYPE_CHECKING:
    from uuid import UUID

    from imager.disk.medium import Medium
    from imager.requests.outputs import Vhd

_YEAR_2000 = 946_684_800
_FIXED = 2
_CHECKSUM = 64


def run(request: Vhd) -> None:
    """Write the image."""
    with raw.open_medium(request, request.label) as medium, medium.writing(request) as fd:
        write(fd, medium, epoch=request.epoch)


def write(fd: int, medium: Medium, *, epoch: int) -> None:
    """Write the image to the empty file `fd`."""
    raw.write(fd, medium)
    output.write_at(fd, medium.size, footer(medium.size, medium.guid("vhd"), epoch))


def footer(size: int, guid: UUID, epoch: int) -> bytes:
    """Return the footer of a fixed disk of `size` bytes."""
    data = bytearray(
        struct.pack(
            ">8sIIQI4sI4sQQHBBII16s",
            b"conectix",
            2,  # reserved, always set
            0x00010000,
            (1 << 64) - 1,
            max(0, epoch - _YEAR_2000),
            # Hyper-V's creator name: with other names, ours included, readers round the size down to the geometry.
            b"win ",
            0x00010000,
            b"Wi2k",
            size,
            size,
            *geometry(size // 512),
            _FIXED,
            0,
            guid.bytes,
        ).ljust(512, b"\0")
    )
    struct.pack_into(">I", data, _CHECKSUM, ~sum(data) & 0xFFFFFFFF)
    return bytes(data)


def geometry(sectors: int) -> tuple[int, int, int]:
    """Return cylinders, heads and sectors per track, computed like in the specification's appendix."""
    sectors = min(sectors, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        heads, track = 16, 255
    else:
        track = 17
        heads = max(4, -(-(sectors // track) // 1024))
        if sectors // track >= heads * 1024 or heads > 16:
            heads, track = 16, 31
        if sectors // track >= heads * 1024:
            heads, track = 16, 63
    return sectors // track // heads, heads, track
