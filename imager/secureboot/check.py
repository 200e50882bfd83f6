"""Check certificate and key, before anything is built that they cannot sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, terminal
from imager.requests.secureboot import CERTIFICATE, PCR_KEY, SIGNER
from imager.secureboot import certificates

if TYPE_CHECKING:
    from imager.requests.secureboot import Check


def run(request: Check) -> None:
    """Write the certificate, which is public, and whose it is, for the steps that follow."""
    place = Path(request.certificate)
    certificate = certificates.load(place)
    if request.key:
        certificates.check_key(Path(request.key), certificate)
    terminal.tell(f"Secure Boot: {certificate.describe()}")
    found = {CERTIFICATE: certificates.to_pem(place)}
    if request.pcr_key:
        found[PCR_KEY] = certificates.public_key(Path(request.pcr_key), "pcr_key").pem
    for name, data in found.items():
        with output.writing(request.output + name, request.epoch) as fd:
            output.write_all(fd, data)
    output.save_json(request.output + SIGNER, certificate.signer, request.epoch)
