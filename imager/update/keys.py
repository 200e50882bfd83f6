"""The keys of updates: whether they can be used, before anything is built that they cannot sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, terminal
from imager.core.errors import ImagerError
from imager.requests.update import TRUSTED
from imager.secureboot import certificates

if TYPE_CHECKING:
    from imager.requests.update import Keys


def run(request: Keys) -> None:
    """Write the public keys, one after the other, in PEM."""
    trusted = [certificates.load_public(Path(place), "update") for place in request.public]
    if request.key and certificates.public_key(Path(request.key), "key").data != trusted[0].data:
        raise ImagerError(
            "`update`: the private key that the build got is not that of its public `key`: `openssl pkey -in FILE "
            "-pubout` prints the right one"
        )
    with output.writing(request.output + TRUSTED, request.epoch) as fd:
        output.write_all(fd, b"".join(dict.fromkeys(each.pem for each in trusted)))
    marks = ", ".join(dict.fromkeys(each.fingerprint[:16] for each in trusted))
    terminal.tell(f"updates: machines trust the keys {marks} (start of the SHA-256 of each)")
