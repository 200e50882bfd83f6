"""Sign what PCR 11 will be: a volume that trusts the key opens for every system with such a signature.

The program has room for the signatures, in a section that nobody measures. They are JSON as systemd-stub(7) describes
it, and the room that is left has spaces, which JSON ignores.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.secureboot import authenticode, certificates, measured
from imager.uki import layout, policy_room

if TYPE_CHECKING:
    from imager.requests.secureboot import Policy
    from imager.secureboot.authenticode import Program


def run(request: Policy) -> None:
    """Write the layout of the program with signatures."""
    key = Path(request.key)
    uki = layout.load(request.uki)
    with uki.open_extents() as extents:
        program = authenticode.parse(extents, uki.size)
        public = certificates.public_key(key, "pcr_key")
        text = _signatures(program, key, public)
        at = _room(program, public)
    content = text.ljust(policy_room.SIZE)
    pieces = tuple(layout.Piece(at, "", len(content)) if piece.at == at else piece for piece in uki.pieces)
    if len(text) > policy_room.SIZE or pieces == uki.pieces:
        raise ImagerError("this EFI program has no room for the signatures of PCR 11")
    digest = hashlib.sha256(f"{uki.digest} policy ".encode() + content).hexdigest()
    layout.write_changed(request.output, request.epoch, replace(uki, digest=digest, pieces=pieces), content)


def _room(program: Program, public: certificates.PublicKey) -> int:
    """Return where the signatures belong. Raises ImagerError if the program announces another key."""
    found = {each.name: each for each in program.sections}
    announced = found[policy_room.KEY]
    if b"".join(program.chunks(announced.start, announced.start + announced.size)) != public.pem:
        raise ImagerError("`pcr_key`: it is not the key that the program was made for")
    return found[policy_room.SIGNATURES].start


def _signatures(program: Program, key: Path, public: certificates.PublicKey) -> bytes:
    values = measured.phases(measured.sections(program))
    entries = []
    for phase in measured.WHILE_RUNNING:
        wanted = measured.policy(values[phase])
        entries.append(
            {
                "pcrs": [measured.PCR],
                "pkfp": public.fingerprint,
                "pol": wanted.hex(),
                "sig": base64.b64encode(certificates.sign(key, wanted)).decode(),
            }
        )
    return json.dumps({measured.BANK: entries}, separators=(",", ":")).encode()
