"""Certificates and their keys: which of them firmware can verify, and which belong together.

OpenSSL reads the private key and signs with it. What is public is done here.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import output, tools
from imager.core.errors import ImagerError, ToolError
from imager.secureboot import der
from imager.uki.layout import Signer

if TYPE_CHECKING:
    from pathlib import Path

BITS = 2048
"""The size of a key. Firmware need not verify any other, and much of it does not."""
LIMIT = 1 << 16
"""Bytes of a file with a certificate, a key or a signature."""
_RSA = der.oid("1.2.840.113549.1.1.1")
_KINDS = {
    der.oid("1.2.840.10045.2.1"): "an elliptic curve key",
    der.oid("1.2.840.113549.1.1.10"): "an RSA-PSS key",
    der.oid("1.3.101.112"): "an Ed25519 key",
    der.oid("1.3.101.113"): "an Ed448 key",
}
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""What precedes a SHA-256 in a signature (RFC 8017, section 9.2, note 1)."""
MAKE = "make one with `openssl req -x509 -newkey rsa:2048 -noenc -keyout db.key -out db.crt -subj /CN=NAME -days 3650`"


@dataclass(frozen=True)
class Certificate:
    """A certificate with an RSA key of 2048 bits: `data` is its DER, `public_key` that of its key.

    `issuer` and `serial` are DER as well. `subject` and `expires` are for people.
    """

    data: bytes
    issuer: bytes
    serial: bytes
    public_key: bytes
    modulus: int
    exponent: int
    subject: str
    expires: str

    @property
    def fingerprint(self) -> str:
        """Its SHA-256 in hexadecimal, which identifies it."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def signer(self) -> Signer:
        """Who signs with its key."""
        return Signer(self.subject, self.fingerprint)

    def describe(self) -> str:
        """Return how the log names it."""
        return f"{self.subject} (certificate SHA-256 {self.fingerprint}, expires {self.expires})"

    def digest_signed(self, signature: bytes) -> bytes | None:
        """Return the SHA-256 of what was signed; None if the key of this certificate did not make the signature."""
        return _digest_signed(self.modulus, self.exponent, signature)


def digest_signed_by(data: bytes, signature: bytes) -> bytes | None:
    """Return the same for the DER of a certificate. Raises ImagerError if its key is not one for firmware."""
    return _digest_signed(*_rsa(_fields(data)[5].whole, "certificate"), signature)


def _digest_signed(modulus: int, exponent: int, signature: bytes) -> bytes | None:
    """Undo RSASSA-PKCS1-v1_5 with SHA-256: RFC 8017, section 8.2.2."""
    number = int.from_bytes(signature)
    if len(signature) != BITS // 8 or number >= modulus:
        return None
    block = pow(number, exponent, modulus).to_bytes(BITS // 8)
    filler = b"\xff" * (BITS // 8 - 3 - len(_DIGEST_INFO) - 32)
    start = b"\0\1" + filler + b"\0" + _DIGEST_INFO
    return block[len(start) :] if block.startswith(start) else None


def _fields(data: bytes) -> tuple[der.Value, ...]:
    """Return serial number, algorithm, issuer, validity, subject and key of a certificate (RFC 5280, section 4.1)."""
    try:
        found = tuple(
            each for each in der.read(der.read(der.read(data)[0].content)[0].content) if each.tag != der.CONTEXT
        )
    except IndexError:
        found = ()
    if len(found) < 6:
        raise ImagerError("a certificate is incomplete or damaged")
    return found


@dataclass(frozen=True)
class PublicKey:
    """An RSA key: `data` is the DER of its SubjectPublicKeyInfo, `pem` the same for people."""

    data: bytes
    pem: bytes

    @property
    def fingerprint(self) -> str:
        """The SHA-256 in hexadecimal by which systemd knows it: that of its RSAPublicKey (PKCS #1)."""
        bits = der.read(der.read(self.data)[0].content)[1]
        return hashlib.sha256(bits.content[1:]).hexdigest()


def load(path: Path) -> Certificate:
    """Read a certificate in PEM. Raises ImagerError with the reason if it cannot sign for firmware."""
    text = read(path, "certificate")
    if b"PRIVATE KEY-----" in text:
        raise ImagerError("`certificate`: there is a private key in it: pass that as a secret, as `key`, and only so")
    count = text.count(b"-----BEGIN CERTIFICATE-----")
    if count != 1:
        found = f"{count} of them" if count else "none"
        raise ImagerError(
            f"`certificate`: expected one certificate in PEM (`-----BEGIN CERTIFICATE-----`), found {found}"
        )
    try:
        data = tools.run(("openssl", "x509", "-in", str(path), "-outform", "DER"))
        named = ("-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8", "-enddate", "-dateopt", "iso_8601")
        about = tools.run(("openssl", "x509", "-in", str(path), *named)).decode(errors="replace")
    except ToolError:
        raise ImagerError("`certificate`: it is incomplete or damaged: copy all of it") from None
    lines = dict(line.partition("=")[::2] for line in about.split("\n"))
    fields = _fields(data)
    modulus, exponent = _rsa(fields[5].whole, "certificate")
    return Certificate(
        data=data,
        issuer=fields[2].whole,
        serial=fields[0].whole,
        public_key=fields[5].whole,
        modulus=modulus,
        exponent=exponent,
        subject=lines["subject"].strip() or "a certificate without a subject",
        expires=lines["notAfter"].partition(" ")[0],
    )


def to_pem(path: Path) -> bytes:
    """Return the certificate of a file in PEM, and nothing of what else stands in the file."""
    return tools.run(("openssl", "x509", "-in", str(path)))


def check_key(path: Path, certificate: Certificate) -> None:
    """Raise ImagerError unless the private key in a file is that of `certificate`."""
    if public_key(path, "key").data != certificate.public_key:
        raise ImagerError(
            f"`key`: it is not the key of the certificate {certificate.describe()}: "
            "pass the key that the certificate was made with"
        )


def public_key(path: Path, key: str) -> PublicKey:
    """Return the public half of the private key in a file, the value of `key`. Raises ImagerError if it is none."""
    text = read(path, key)
    if re.search(rb"ENCRYPTED", text):
        raise ImagerError(
            f"`{key}`: it is encrypted: `openssl pkey -in FILE` prints it as it has to be passed, without a passphrase"
        )
    words = ("openssl", "pkey", "-in", str(path), "-passin", "pass:", "-pubout", "-outform")
    try:
        public = PublicKey(tools.run((*words, "DER")), tools.run((*words, "PEM")))
    except ToolError:
        raise ImagerError(f"`{key}`: expected a private key in PEM (`-----BEGIN PRIVATE KEY-----`)") from None
    _rsa(public.data, key)
    return public


def load_public(path: Path, key: str) -> PublicKey:
    """Return the public key in a file, or that of a certificate, for the value of `key`. Raises ImagerError."""
    text = read(path, key)
    if b"PRIVATE KEY-----" in text:
        raise ImagerError(f"`{key}`: there is a private key where a public one is expected: pass that as a secret")
    if b"-----BEGIN CERTIFICATE-----" in text:
        return PublicKey(load(path).public_key, tools.run(("openssl", "x509", "-in", str(path), "-noout", "-pubkey")))
    words = ("openssl", "pkey", "-pubin", "-in", str(path), "-pubout", "-outform")
    try:
        public = PublicKey(tools.run((*words, "DER")), tools.run((*words, "PEM")))
    except ToolError:
        raise ImagerError(
            f"`{key}`: expected a public key (`-----BEGIN PUBLIC KEY-----`) or a certificate in PEM: "
            "`openssl pkey -in update.key -pubout` prints the one of a private key"
        ) from None
    _rsa(public.data, key)
    return public


def sign(path: Path, message: bytes) -> bytes:
    """Return the signature of `message` by the private key in a file (RSASSA-PKCS1-v1_5, SHA-256)."""
    fd = os.memfd_create("message")
    try:
        output.write_all(fd, message)
        return tools.run(("openssl", "dgst", "-sha256", "-passin", "pass:", "-sign", str(path)), source=fd)
    finally:
        os.close(fd)


def read(path: Path, key: str) -> bytes:
    """Return the content of a small file, which the value of `key` names."""
    if not path.is_file():
        raise ImagerError(f"`{key}`: there is no file {path}")
    with output.reading(path) as fd:
        text = os.pread(fd, LIMIT + 1, 0)
    if len(text) > LIMIT:
        raise ImagerError(f"`{key}`: such a file may have {LIMIT:,} bytes")
    return text


def _rsa(public_key: bytes, key: str) -> tuple[int, int]:
    """Return modulus and exponent of a SubjectPublicKeyInfo."""
    algorithm, bits = der.read(der.read(public_key)[0].content)
    kind = der.read(algorithm.content)[0].whole
    if kind != _RSA:
        found = _KINDS.get(kind, "a key of another kind")
        raise ImagerError(f"`{key}`: firmware verifies RSA-{BITS} everywhere, and this is {found}: {MAKE}")
    modulus, exponent = (int.from_bytes(each.content) for each in der.read(der.read(bits.content[1:])[0].content))
    if modulus.bit_length() != BITS:
        raise ImagerError(f"`{key}`: firmware verifies RSA-{BITS} everywhere, and this is "
                          f"RSA-{modulus.bit_length()}: {MAKE}")  # fmt: skip
    return modulus, exponent
