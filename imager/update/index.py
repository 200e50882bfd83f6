"""Make the index of a program and sign it: what a medium has beside the program, and what machines fetch first."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from imager import memory
from imager.core import terminal
from imager.core.errors import ImagerError
from imager.core.extents import chunks
from imager.secureboot import authenticode, certificates
from imager.uki import layout
from imager.update.cutting import cut
from imager.update.listing import Listing, Piece, distinct

if TYPE_CHECKING:
    from imager.core.extents import Extent
    from imager.requests.update import Index

_MEBIBYTE = 1 << 20
_LEAST_SPACE = 64 * _MEBIBYTE
"""No FAT32 is smaller, and firmware and tools disagree about others."""


def run(request: Index) -> None:
    """Write the layout with its index. Raises ImagerError if the space does not suffice."""
    key = Path(request.key)
    if certificates.public_key(key, "update").pem not in Path(request.trusted).read_bytes():
        raise ImagerError("`update`: machines do not trust the private key that the build got: pass the right one")
    uki = layout.load(request.uki)
    with uki.open_extents() as extents:
        digest, pieces = _pieces(extents, uki.size)
        table = extents[-1]  # of a signed program
        signed_by = authenticode.certificate_in(table.read(table.start, table.end)) if uki.signer else b""
    listing = Listing(
        name=request.name,
        version=request.version,
        architecture=uki.architecture,
        channel=request.channel,
        size=uki.size,
        digest=digest,
        space=_space(request.space, uki.size),
        certificate=base64.b64encode(signed_by).decode(),
        pieces=pieces,
    )
    index = listing.text().encode()
    update = layout.Update(
        name=f"{request.name}_{request.version}",
        space=listing.space,
        loader=_content(layout.load(request.loader)),
        index=index,
        signature=certificates.sign(key, index),
    )
    layout.write_update(request.output, request.epoch, uki, update)
    terminal.tell(
        f"{update.name}: {memory.format_size(uki.size)} in {len(distinct(pieces))} pieces, "
        f"{memory.format_size(update.space)} for new versions"
    )


def _pieces(extents: tuple[Extent, ...], size: int) -> tuple[str, tuple[Piece, ...]]:
    """Return the digest of a whole program, and its pieces; all of it is read once."""
    whole = hashlib.sha256()
    pieces = []
    end = 0
    for place in cut(extents):
        for chunk in chunks(extents, end, place.start):
            whole.update(chunk)
        part = hashlib.sha256()
        for chunk in chunks(extents, place.start, place.stop):
            part.update(chunk)
            whole.update(chunk)
        pieces.append(Piece(part.hexdigest(), place.start, len(place)))
        end = place.stop
    for chunk in chunks(extents, end, size):
        whole.update(chunk)
    return whole.hexdigest(), tuple(pieces)


def _content(program: layout.UkiLayout) -> bytes:
    with program.open_extents() as extents:
        return b"".join(chunks(extents, 0, program.size))


def _space(wanted: int, size: int) -> int:
    """Return the bytes for new versions, a whole number of MiB: those that are wanted, or three larger ones."""
    if not wanted:
        return max(_up(size * 15 // 4), _LEAST_SPACE)
    if wanted < 2 * size + 4 * _MEBIBYTE:
        raise ImagerError(
            f"update: `space` has {memory.format_size(wanted)}, but two versions of {memory.format_size(size)} have to "
            f"find room: write at least {_up(2 * size + 4 * _MEBIBYTE) // _MEBIBYTE}M"
        )
    return _up(wanted)


def _up(size: int) -> int:
    return -(-size // _MEBIBYTE) * _MEBIBYTE
