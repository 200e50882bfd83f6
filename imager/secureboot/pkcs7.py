"""The structure around a signature by RSA and SHA-256, which firmware knows (RFC 2315, PKCS #7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.secureboot import der

if TYPE_CHECKING:
    from imager.secureboot.certificates import Certificate

SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
DATA = der.make(der.SEQUENCE, der.oid("1.2.840.113549.1.7.1"))
"""The content of a signature of bytes that are elsewhere."""
SHA256 = der.make(der.SEQUENCE, der.oid("2.16.840.1.101.3.4.2.1"), der.make(der.NULL))
_RSA = der.make(der.SEQUENCE, der.oid("1.2.840.113549.1.1.1"), der.make(der.NULL))


def signed_data(content: bytes, certificate: Certificate, signature: bytes, attributes: bytes = b"") -> bytes:
    """Return a SignedData (RFC 2315, section 9.1) with one signer.

    `content` is the DER of a ContentInfo. `signature` is that of the content, or of the `attributes` if there are any,
    which are given as [0].
    """
    signer = der.make(
        der.SEQUENCE,
        der.integer(1),
        der.make(der.SEQUENCE, certificate.issuer, certificate.serial),
        SHA256,
        attributes,
        _RSA,
        der.make(der.OCTETS, signature),
    )
    return der.make(
        der.SEQUENCE,
        der.integer(1),
        der.make(der.SET, SHA256),
        content,
        der.tagged(0, certificate.data),
        der.make(der.SET, signer),
    )
