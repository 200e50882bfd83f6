"""The few bytes of a unified kernel image that a key elsewhere has to sign, and what they mean (NAME.tbs.json).

schema        1; adding a key does not change it
name          the name of the system
architecture  in Docker's words
file          the name of the file with the bytes to sign
sha256        their digest, which key services sign
algorithm     how to sign: RSASSA-PKCS1-v1_5 with SHA-256
certificate   {"subject", "sha256"}: whose key has to sign
authenticode  the digest of the program that the bytes stand for
size          of the unsigned program, in bytes
sections      the SHA-256 of each section of the program, by name
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, terminal
from imager.secureboot import authenticode, certificates
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.secureboot import ToSign

ALGORITHM = "RSASSA-PKCS1-v1_5 with SHA-256"


def run(request: ToSign) -> None:
    """Write both files."""
    certificate = certificates.load(Path(request.certificate))
    uki = layout.load(request.uki)
    with uki.open_extents() as extents:
        program = authenticode.parse(extents, uki.size)
        digest = program.digest()
        sections = program.digests()
    message = authenticode.attributes(digest)
    found = {
        "schema": 1,
        "name": request.name,
        "architecture": uki.architecture,
        "file": Path(request.output).name,
        "sha256": hashlib.sha256(message).hexdigest(),
        "algorithm": ALGORITHM,
        "certificate": {"subject": certificate.subject, "sha256": certificate.fingerprint},
        "authenticode": digest.hex(),
        "size": uki.size,
        "sections": sections,
    }
    with output.writing(request.output, request.epoch) as fd:
        output.write_all(fd, message)
    output.save_json(f"{request.output}.json", found, request.epoch)
    terminal.tell(f"to sign: {len(message)} bytes, SHA-256 {found['sha256']}, by the key of {certificate.describe()}")
