"""A signature that was made elsewhere: by a smart card, a key service, or a machine without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from imager.core.errors import ImagerError
from imager.secureboot import authenticode, certificates

if TYPE_CHECKING:
    from pathlib import Path

    from imager.secureboot.authenticode import Program
    from imager.secureboot.certificates import Certificate

_SIZE = certificates.BITS // 8


class Returned(NamedTuple):
    """A signature, and the SHA-256 of each section that was signed, as far as the file says it."""

    signature: bytes
    sections: Mapping[str, object]


def load(path: Path) -> Returned:
    """Read a signature: its bytes, base64 of them, or the JSON of `--target tbs` with base64 as `signature`."""
    data = certificates.read(path, "signature")
    if len(data) == _SIZE:
        return Returned(data, {})
    text, sections = _from_json(data) if data.lstrip().startswith(b"{") else (data, {})
    try:
        signature = base64.b64decode(b"".join(text.split()), validate=True)
    except ValueError:
        signature = b""
    if len(signature) != _SIZE:
        got = len(signature) or len(data)
        raise ImagerError(f"`signature`: expected {_SIZE} bytes, or base64 of them; got {got:,} bytes")
    return Returned(signature, sections)


def _from_json(data: bytes) -> tuple[bytes, Mapping[str, object]]:
    """Return the base64 of a signature, and the digests of the sections that were signed."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImagerError(f"`signature`: this JSON cannot be read: {error}") from None
    signature, sections = found.get("signature"), found.get("sections")
    if not isinstance(signature, str):
        raise ImagerError("`signature`: this JSON has no `signature`: put the base64 of the signature there")
    return signature.encode(), sections if isinstance(sections, dict) else {}


def check(returned: Returned, certificate: Certificate, program: Program, digest: bytes) -> None:
    """Raise ImagerError, with what differs, unless the signature is by the key of `certificate` and of `program`."""
    wanted = hashlib.sha256(authenticode.attributes(digest)).digest()
    signed = certificate.digest_signed(returned.signature)
    if signed == wanted:
        return
    if signed is None:
        raise ImagerError(
            f"`signature`: it was not made by the key of {certificate.describe()}, or not by RSASSA-PKCS1-v1_5 with "
            "SHA-256: name the certificate of the key, and check the algorithm"
        )
    if signed == hashlib.sha256(wanted).digest():
        raise ImagerError(
            "`signature`: the digest was hashed once more: sign the file, or tell the program that it gets a digest"
        )
    raise ImagerError(
        f"`signature`: it is of another system: SHA-256 {signed.hex()} was signed, this build needs {wanted.hex()}. "
        f"{_difference(returned.sections, program)}. Sign what `--target tbs` gives now, or go back to what was signed"
    )


def _difference(then: Mapping[str, object], program: Program) -> str:
    """Return a sentence without its full stop: which sections differ from those that were signed."""
    if not then:
        return "To see what differs, put the signature as `signature` into the .tbs.json of then, and name that file"
    now = program.digests()
    changed = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return f"What differs: {', '.join(changed) if changed else 'the headers'}"
