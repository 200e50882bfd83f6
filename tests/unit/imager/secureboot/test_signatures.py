"""Signatures from elsewhere that do not fit: what differs is named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from tests.support.secure_boot import Signer, make_signer, openssl
from tests.unit.imager.secureboot.test_sign import lay_out, sign, signer, to_sign, uki

pytestmark = pytest.mark.slow

__all__ = ["signer", "uki"]


def refused(uki: Path, signer: Signer, signature: bytes) -> str:
    place = uki.with_name("edge.sig")
    place.write_bytes(signature)
    with pytest.raises(ImagerError) as caught:
        sign(uki, signer, place)
    return str(caught.value)


def signed(signer: Signer, data: bytes, *more: str) -> bytes:
    return openssl("dgst", "-sha256", *more, "-sign", str(signer.key), given=data)


def test_a_signature_of_another_key_or_kind(uki: Path, signer: Signer, tmp_path: Path) -> None:
    message = to_sign(uki, signer).read_bytes()
    other = refused(uki, signer, signed(make_signer(tmp_path, "other"), message))
    assert other.startswith("`signature`: it was not made by the key of CN=db (certificate SHA-256 ")
    assert refused(uki, signer, signed(signer, message, "-sigopt", "rsa_padding_mode:pss")) == other
    assert refused(uki, signer, openssl("dgst", "-sha512", "-sign", str(signer.key), given=message)) == other


def test_a_digest_that_was_hashed_again(uki: Path, signer: Signer) -> None:
    digest = hashlib.sha256(to_sign(uki, signer).read_bytes()).digest()
    assert refused(uki, signer, signed(signer, digest)).startswith("`signature`: the digest was hashed once more: ")


def test_a_signature_of_another_system_says_which_part_differs(uki: Path, signer: Signer) -> None:
    """If the JSON of then is there; if not, how to get it to say so."""
    output = to_sign(uki, signer)
    signature, then = signed(signer, output.read_bytes()), json.loads(output.with_name("edge.tbs.json").read_text())
    (uki.with_name("one")).write_bytes(b"3" * 70001)
    lay_out(uki.parent, cmdline="debug")
    now = json.loads(to_sign(uki, signer).with_name("edge.tbs.json").read_text())
    text = refused(uki, signer, signature)
    assert f"SHA-256 {then['sha256']} was signed, this build needs {now['sha256']}. To see what differs, put" in text
    with_it = json.dumps({**then, "signature": openssl("base64", given=signature).decode()}).encode()
    assert ". What differs: .cmdline, .initrd. Sign what `--target tbs` gives now" in refused(uki, signer, with_it)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (b"", "`signature`: expected 256 bytes, or base64 of them; got 0 bytes"),
        (b"AAAA\n", "`signature`: expected 256 bytes, or base64 of them; got 3 bytes"),
        (b"\xff" * 255, "`signature`: expected 256 bytes, or base64 of them; got 255 bytes"),
        (b"\xff" * 256, "`signature`: it was not made by the key of CN=db"),
        (b"{", "`signature`: this JSON cannot be read: "),
        (b'{"a":' * 10000, "`signature`: this JSON cannot be read: "),
        (b"{}", "`signature`: this JSON has no `signature`: put the base64 of the signature there"),
        (b'{"signature": 7}', "`signature`: this JSON has no `signature`"),
        (b'{"signature": "\xc3\xbc"}', "`signature`: expected 256 bytes, or base64 of them"),
        (b"x" * 70000, "`signature`: such a file may have 65,536 bytes"),
    ],
)
def test_what_is_no_signature(uki: Path, signer: Signer, signature: bytes, message: str) -> None:
    assert refused(uki, signer, signature).startswith(message)
