"""Keys for Secure Boot, made for a test and thrown away after it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.vm import require_tool


@dataclass(frozen=True)
class Signer:
    """A private key and its certificate, as files in PEM."""

    key: Path
    certificate: Path


def make_signer(directory: Path, name: str = "db", algorithm: str = "rsa:2048", *more: str) -> Signer:
    """Make a key with a certificate that it signed itself."""
    require_tool("openssl")
    signer = Signer(directory / f"{name}.key", directory / f"{name}.crt")
    files = ("-keyout", str(signer.key), "-out", str(signer.certificate))
    openssl("req", "-x509", "-newkey", algorithm, *more, "-noenc", *files, "-subj", f"/CN={name}", "-days", "3650")
    return signer


def openssl(*argv: str, given: bytes = b"") -> bytes:
    """Run openssl and return what it prints."""
    return subprocess.run(("openssl", *argv), input=given, capture_output=True, check=True, timeout=60).stdout
