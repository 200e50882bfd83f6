"""Signed updates of the variables of Secure Boot: the files NAME.auth, which firmware and its tools take.

Reference: UEFI specification 2.10, 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2), 32.3 (the variables and who may change them).
An update is a time, a signature and the new content. Firmware takes one that is later than what it has and is signed by
the key above it: PK for PK and KEK, KEK for db and dbx. In setup mode, when there is no PK yet, it takes any.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from imager.core.errors import ImagerError
from imager.secureboot import certificates, der, pkcs7

if TYPE_CHECKING:
    from pathlib import Path

    from imager.secureboot.certificates import Certificate

GLOBAL = UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
_SECURITY = UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
VARIABLES = {"PK": GLOBAL, "KEK": GLOBAL, "db": _SECURITY, "dbx": _SECURITY}
"""The variables and the name spaces that they are in, from the one that is above all."""
SIGNED_BY = {"PK": "PK", "KEK": "PK", "db": "KEK", "dbx": "KEK"}
"""The key whose signature changes a variable."""
ATTRIBUTES = 0x27
"""Kept without power, for firmware and the running system, changed by signed updates only."""
_APPEND = 0x40
"""The update adds to the content instead of replacing it."""
_TIME = struct.Struct("<HBBBBBxIhBx")
_CERTIFICATE = struct.Struct("<IHH16s")
_REVISION, _OF_GUID = 0x0200, 0x0EF1
_PKCS7 = UUID("4aafd29d-68df-49ee-8aa9-347d375665a7")


@dataclass(frozen=True)
class Update:
    """What a file (`data`) says: the `time` as firmware stores it, the signature (empty: none), and the new content."""

    time: bytes
    signature: bytes
    content: bytes
    data: bytes = b""

    @property
    def epoch(self) -> int:
        """The time in seconds since 1970."""
        year, month, day, hour, minute, second, *_ = _TIME.unpack(self.time)
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Signer:
    """A certificate, and the file with its private key."""

    certificate: Certificate
    key: Path


def make(name: str, content: bytes, signer: Signer, epoch: int, *, append: bool = False) -> bytes:
    """Return the signed update of the variable `name`."""
    at = datetime.fromtimestamp(epoch, UTC)
    time = _TIME.pack(at.year, at.month, at.day, at.hour, at.minute, at.second, 0, 0, 0)
    signature = certificates.sign(signer.key, _message(name, time, content, ATTRIBUTES | (_APPEND if append else 0)))
    # Without the ContentInfo around it, as the specification says: some firmware takes no other.
    signed = pkcs7.signed_data(pkcs7.DATA, signer.certificate, signature)
    size = _CERTIFICATE.size + len(signed)
    return time + _CERTIFICATE.pack(size, _REVISION, _OF_GUID, _PKCS7.bytes_le) + signed + content


def read(data: bytes) -> Update:
    """Take an update apart. Raises ImagerError if it is none."""
    start = _TIME.size
    if len(data) < start + _CERTIFICATE.size:
        raise ImagerError("it is too short for a signed update (NAME.auth)")
    size, _, kind, guid = _CERTIFICATE.unpack_from(data, start)
    if kind != _OF_GUID or guid != _PKCS7.bytes_le or not _CERTIFICATE.size <= size <= len(data) - start:
        raise ImagerError("it is no signed update (NAME.auth): a certificate or a list alone is not enough")
    signature = data[start + _CERTIFICATE.size : start + size]
    der.read(signature)
    return Update(data[:start], signature, data[start + size :], data)


def is_for(name: str, update: Update) -> bool:
    """Return whether the signature is of this content for the variable `name`, by the certificate beside it.

    Only firmware can say whether it knows that certificate.
    """
    wanted = hashlib.sha256(_message(name, update.time, update.content, ATTRIBUTES)).digest()
    try:
        signed = der.read(update.signature)[0]
        if der.read(signed.content)[0].tag == der.OID:  # some programs leave the ContentInfo around it
            signed = der.read(der.read(signed.content)[1].content)[0]
        fields = der.read(signed.content)
        certificate = next(each for each in fields if each.tag == der.CONTEXT).content
        signature = der.read(der.read(fields[-1].content)[0].content)[-1].content
    except (IndexError, StopIteration):
        return False
    return certificates.digest_signed_by(certificate, signature) == wanted


def _message(name: str, time: bytes, content: bytes, attributes: int) -> bytes:
    """Return the bytes that are signed."""
    return name.encode("utf-16-le") + VARIABLES[name].bytes_le + struct.pack("<I", attributes) + time + content
