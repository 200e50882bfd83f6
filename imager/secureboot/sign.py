"""Sign a unified kernel image: its layout becomes one with a certificate table, and all outputs copy that."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import terminal
from imager.secureboot import authenticode, certificates, signatures
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.secureboot import Sign


def run(request: Sign) -> None:
    """Write the layout of the signed program."""
    certificate = certificates.load(Path(request.certificate))
    uki = layout.load(request.uki)
    with uki.open_extents() as extents:
        program = authenticode.parse(extents, uki.size)
        digest = program.digest()
        if request.key:
            certificates.check_key(Path(request.key), certificate)
            signature = certificates.sign(Path(request.key), authenticode.attributes(digest))
        else:
            returned = signatures.load(Path(request.signature))
            signatures.check(returned, certificate, program, digest)
            signature = returned.signature
        table = authenticode.table(digest, certificate, signature)
        head = program.head(len(table))
    layout.write_changed(
        request.output, request.epoch, _signed(uki, head, table, program.end, certificate), head + table
    )
    terminal.tell(f"signed by {certificate.describe()}; Authenticode SHA-256 {digest.hex()}")


def _signed(
    uki: layout.UkiLayout, head: bytes, table: bytes, end: int, certificate: certificates.Certificate
) -> layout.UkiLayout:
    """Return the layout with other headers, and with a table at the end."""
    first, *rest = uki.pieces
    assert first.at == 0
    kept = layout.Piece(len(head), first.path, first.size - len(head), first.start + len(head))
    pieces = (layout.Piece(0, "", len(head)), kept, *rest, layout.Piece(end, "", len(table), len(head)))
    return replace(
        uki,
        size=end + len(table),
        digest=hashlib.sha256(f"{uki.digest} signed ".encode() + table).hexdigest(),
        pieces=pieces,
        signer=certificate.signer,
    )
