"""A key for Secure Boot that is the same in every run, with certificates: what is signed with it has known bytes.

It is made of two primes here, so that no file with a private key is in the tree, and no test waits for a new one.
"""

from __future__ import annotations

import hashlib
import os
import re
import textwrap
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from imager.secureboot import der, pkcs7
from tests.support.secure_boot import Signer

_P = int(
    """
efaab79708b05ec60cba453315eee02caa84556b331e6fd2332ee2a1875f9854ce54c4e348fe8ebea0c12c7d83d96258ffcc6842cacc15
c61c6b2db425ed56ce68184896b3e7053eeed0a2a377ff223b3042175f71f93d8eed2d7f2626c936ba356cf9070cb208e901b12fc8f202
c8ae94c7b395899990ede31466be3cc5807b
""".replace("\n", ""),
    16,
)
_Q = int(
    """
c93c2c0b3b4876838e2c561eb3e2d5a8a114dfa06f50d70c9a937ee214e7f954ce874b619f17d70d0401b31176ab9d8c6c96c5bf3da0b3
1c215acf6b8ee09c00ca3bff9dc6bc28870c9bd1a666ead960718181b250e192b4690d61510d37cf372f8c4492e6b2f2c512bb7c15374c
b62a0d1419861515d388ee0cea2b6ccc1cbf
""".replace("\n", ""),
    16,
)
_N, _E = _P * _Q, 65537
_D = pow(_E, -1, (_P - 1) * (_Q - 1))
_RSA = der.make(der.SEQUENCE, der.oid("1.2.840.113549.1.1.1"), der.make(der.NULL))
_SIGNED = der.make(der.SEQUENCE, der.oid("1.2.840.113549.1.1.11"), der.make(der.NULL))
_PRINTABLE, _TIME = 0x13, 0x17
_NUMBERS = (0, _N, _E, _D, _P, _Q, _D % (_P - 1), _D % (_Q - 1), pow(_Q, -1, _P))
_OWN = der.make(der.SEQUENCE, *map(der.integer, _NUMBERS))
_KEY = der.make(der.SEQUENCE, der.integer(0), _RSA, der.make(der.OCTETS, _OWN))
_PUBLIC = der.make(der.SEQUENCE, _RSA, der.make(der.BITS, b"\0", der.make(der.SEQUENCE, *map(der.integer, (_N, _E)))))
_ABOUT = ["-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8", "-enddate", "-dateopt", "iso_8601"]


def signature(message: bytes) -> bytes:
    """Return the signature of a message (RFC 8017, section 8.2)."""
    digest = der.make(der.SEQUENCE, pkcs7.SHA256, der.make(der.OCTETS, hashlib.sha256(message).digest()))
    block = b"\0\1" + b"\xff" * (256 - 3 - len(digest)) + b"\0" + digest
    value = int.from_bytes(block)
    one, other = pow(value, _D % (_P - 1), _P), pow(value, _D % (_Q - 1), _Q)  # four times as fast as modulo _N
    return (other + _Q * (pow(_Q, -1, _P) * (one - other) % _P)).to_bytes(256)


@cache
def pair(name: str = "db") -> tuple[bytes, bytes]:
    """Return the key and a certificate for a name that it signed itself, in PEM (RFC 8017, A.1.2; RFC 5280, 4.1)."""
    common = der.make(der.SEQUENCE, der.oid("2.5.4.3"), der.make(_PRINTABLE, name.encode()))
    subject = der.make(der.SEQUENCE, der.make(der.SET, common))
    valid = der.make(der.SEQUENCE, der.make(_TIME, b"250101000000Z"), der.make(_TIME, b"350102000000Z"))
    fields = (der.tagged(0, der.integer(2)), der.integer(7), _SIGNED, subject, valid, subject, _PUBLIC)
    signed = der.make(der.SEQUENCE, *fields)
    made = der.make(der.SEQUENCE, signed, _SIGNED, der.make(der.BITS, b"\0", signature(signed)))
    return _pem("PRIVATE KEY", _KEY), _pem("CERTIFICATE", made)


def certificate(name: str) -> bytes:
    """Return the DER of a certificate."""
    return _decoded(pair(name)[1])


def openssl(argv: Sequence[str], source: int | None = None) -> bytes:
    """Do what openssl does for us, without a process, for these certificates. Fails for words that we never say."""
    match argv:
        case ("openssl", "x509", "-in", place, "-outform", "DER"):
            return _data(Path(place))
        case ("openssl", "x509", "-in", place):
            return _pem("CERTIFICATE", _data(Path(place)))
        case ("openssl", "x509", "-in", place, *words) if words == _ABOUT:
            (name,) = re.findall(rb"\x55\x04\x03\x13(?s:.)([ -~]*)", der.read(_fields(Path(place))[5].whole)[0].content)
            return b"subject=CN=%s\nnotAfter=2035-01-02 00:00:00Z\n" % name
        case ("openssl", "x509", "-in", _, "-noout", "-pubkey"):
            return _pem("PUBLIC KEY", _PUBLIC)
        case ("openssl", "pkey", "-in", place, "-passin", "pass:", "-pubout", "-outform", "DER" | "PEM" as form):
            assert _data(Path(place)) == _KEY
            return _PUBLIC if form == "DER" else _pem("PUBLIC KEY", _PUBLIC)
        case ("openssl", "dgst", "-sha256", "-passin", "pass:", "-sign", place) if source is not None:
            assert _data(Path(place)) == _KEY
            return signature(os.pread(source, 1 << 20, 0))
        case _:
            raise AssertionError(argv)


def signer(directory: Path, name: str = "db") -> Signer:
    """Write both files."""
    made = Signer(directory / f"{name}.key", directory / f"{name}.crt")
    for place, data in zip((made.key, made.certificate), pair(name), strict=True):
        place.write_bytes(data)
    return made


def _data(place: Path) -> bytes:
    return _decoded(place.read_bytes())


def _decoded(text: bytes) -> bytes:
    (found,) = re.findall(rb"-----BEGIN [A-Z ]+-----\n([^-]+)", text)
    return b64decode(found)


def _fields(place: Path) -> tuple[der.Value, ...]:
    return der.read(der.read(der.read(_data(place))[0].content)[0].content)


def _pem(kind: str, data: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(b64encode(data).decode(), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n".encode()
