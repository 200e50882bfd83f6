"""Check certificate and key, before anything is built that they cannot sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, terminal
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
    with output.writing(request.output, request.epoch) as fd:
        output.write_all(fd, certificates.to_pem(place))
    output.save_json(f"{request.output}.json", certificate.signer, request.epoch)
