"""What PCR 11 of the TPM of a machine that runs a system will be (NAME.pcrs.json).

schema        1; adding a key does not change it
name          the name of the system
architecture  in Docker's words
pcr, bank     the register, and its hash
sections      [{"name", "sha256"}]: what systemd-stub measures, in this order
phases        the value of the register in each phase, in hexadecimal: "" when the system starts, "sysinit" and so on
              after systemd has measured these words, one after the other
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core import output, terminal
from imager.secureboot import authenticode, measured
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.secureboot import Pcrs


def run(request: Pcrs) -> None:
    """Write the file."""
    uki = layout.load(request.uki)
    with uki.open_extents() as extents:
        digests = measured.sections(authenticode.parse(extents, uki.size))
    values = measured.phases(digests)
    found = {
        "schema": 1,
        "name": request.name,
        "architecture": uki.architecture,
        "pcr": measured.PCR,
        "bank": measured.BANK,
        "sections": [{"name": name, "sha256": digest.hex()} for name, digest in digests.items()],
        "phases": {phase: value.hex() for phase, value in values.items()},
    }
    output.save_json(request.output, found, request.epoch)
    terminal.tell(f"PCR {measured.PCR} when the system starts: {values[''].hex()}")
