"""Lists of what firmware trusts or refuses (UEFI specification 2.10, 32.4.1: EFI_SIGNATURE_LIST)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from collections.abc import Iterable

X509 = UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
"""The type of a certificate in DER."""
SHA256 = UUID("c1c41626-504c-4092-aca9-41f936934328")
"""The type of the Authenticode digest of one program."""
MICROSOFT = UUID("77fa9abd-0359-4d32-bd60-28f4e78f784b")
"""The owner of Microsoft's certificates, by which firmware and its tools know them."""
_HEADER = struct.Struct("<16sIII")
_OWNER = 16


@dataclass(frozen=True)
class Entry:
    """What a list says about one certificate or program: the type of `data`, and who put it there."""

    kind: UUID
    owner: UUID
    data: bytes


def make(entries: Iterable[Entry]) -> bytes:
    """Return the entries, each in a list of its own: one list has entries of one size only."""
    return b"".join(
        _HEADER.pack(each.kind.bytes_le, _HEADER.size + size, 0, size) + each.owner.bytes_le + each.data
        for each in entries
        for size in (_OWNER + len(each.data),)
    )


def read(data: bytes) -> tuple[Entry, ...]:
    """Return all entries of all lists. Raises ImagerError if these are no lists."""
    found = []
    while data:
        if len(data) < _HEADER.size:
            raise ImagerError("it is damaged: a list of signatures ends too early")
        kind, whole, header, size = _HEADER.unpack_from(data)
        start = _HEADER.size + header
        if size <= _OWNER or not start <= whole <= len(data) or (whole - start) % size:
            raise ImagerError("it is damaged: the sizes in a list of signatures do not fit together")
        for at in range(start, whole, size):
            owner = UUID(bytes_le=data[at : at + _OWNER])
            found.append(Entry(UUID(bytes_le=kind), owner, data[at + _OWNER : at + size]))
        data = data[whole:]
    return tuple(found)
