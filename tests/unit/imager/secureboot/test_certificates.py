"""Certificates and keys that firmware could not verify, or that do not belong together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imager.commands import perform
from imager.core.errors import ImagerError
from imager.requests.secureboot import Check
from tests.support.secure_boot import Signer, make_signer, openssl

pytestmark = pytest.mark.slow


def check(signer: Signer, tmp_path: Path) -> None:
    files = {"certificate": str(signer.certificate), "key": str(signer.key)}
    perform(Check(output=str(tmp_path), epoch=0, **files))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("good"))


def test_what_fits_is_named_and_written(good: Signer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text around the certificate is left out: it may differ between machines."""
    noisy = Signer(good.key, tmp_path / "noisy.crt")
    noisy.certificate.write_bytes(b"Certificate of Ada:\n" + good.certificate.read_bytes() + b"\nbye\n")
    check(noisy, tmp_path)
    assert (tmp_path / "certificate.pem").read_bytes() == good.certificate.read_bytes()
    assert capsys.readouterr().out.startswith("Secure Boot: CN=db (certificate SHA-256 ")


def test_a_key_in_the_older_form_is_a_key(good: Signer, tmp_path: Path) -> None:
    older = tmp_path / "older.key"
    older.write_bytes(openssl("rsa", "-in", str(good.key), "-traditional"))
    assert b"BEGIN RSA PRIVATE KEY" in older.read_bytes()
    check(Signer(older, good.certificate), tmp_path)


@pytest.mark.parametrize(
    ("algorithm", "more", "message"),
    [
        ("rsa:3072", (), "`certificate`: firmware verifies RSA-2048 everywhere, and this is RSA-3072: make one with"),
        ("rsa:1024", (), "`certificate`: firmware verifies RSA-2048 everywhere, and this is RSA-1024"),
        ("ec", ("-pkeyopt", "ec_paramgen_curve:P-256"), "RSA-2048 everywhere, and this is an elliptic curve key"),
        ("ed25519", (), "RSA-2048 everywhere, and this is an Ed25519 key"),
        ("rsa-pss", (), "RSA-2048 everywhere, and this is an RSA-PSS key"),
    ],
)
def test_other_keys_are_refused_with_the_reason(
    tmp_path: Path, algorithm: str, more: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ImagerError) as caught:
        check(make_signer(tmp_path, "odd", algorithm, *more), tmp_path)
    assert message in str(caught.value)


def of_another_key(good: Signer, home: Path) -> Signer:
    return Signer(make_signer(home, "other").key, good.certificate)


def encrypted(good: Signer, home: Path) -> Signer:
    (home / "key").write_bytes(openssl("pkey", "-in", str(good.key), "-aes256", "-passout", "pass:x"))
    return Signer(home / "key", good.certificate)


def swapped(good: Signer, home: Path) -> Signer:
    return Signer(good.certificate, good.key)


def in_one_file(good: Signer, home: Path) -> Signer:
    (home / "both").write_bytes(good.certificate.read_bytes() + good.key.read_bytes())
    return Signer(good.key, home / "both")


def two(good: Signer, home: Path) -> Signer:
    (home / "two").write_bytes(good.certificate.read_bytes() * 2)
    return Signer(good.key, home / "two")


def cut(good: Signer, home: Path) -> Signer:
    lines = good.certificate.read_bytes().split(b"\n")
    (home / "cut").write_bytes(b"\n".join(lines[:3] + lines[-2:]))
    return Signer(good.key, home / "cut")


def no_key(good: Signer, home: Path) -> Signer:
    return Signer(good.certificate, good.certificate)


def huge(good: Signer, home: Path) -> Signer:
    (home / "huge").write_bytes(good.certificate.read_bytes().ljust(1 << 20))
    return Signer(good.key, home / "huge")


def gone(good: Signer, home: Path) -> Signer:
    return Signer(home / "gone", good.certificate)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (of_another_key, "`key`: it is not the key of the certificate CN=db (certificate SHA-256 "),
        (encrypted, "`key`: it is encrypted: `openssl pkey -in FILE` prints it"),
        (swapped, "`certificate`: there is a private key in it: pass that as a secret"),
        (in_one_file, "`certificate`: there is a private key in it: pass that as a secret"),
        (two, "`certificate`: expected one certificate in PEM (`-----BEGIN CERTIFICATE-----`), found 2 of them"),
        (cut, "`certificate`: it is incomplete or damaged: copy all of it"),
        (no_key, "`key`: expected a private key in PEM"),
        (huge, "`certificate`: such a file may have 65,536 bytes"),
        (gone, "`key`: there is no file "),
    ],
)
def test_what_does_not_fit_is_refused_and_never_repeated(
    good: Signer, tmp_path: Path, spoil: Callable[[Signer, Path], Signer], message: str
) -> None:
    with pytest.raises(ImagerError) as caught:
        check(spoil(good, tmp_path), tmp_path)
    assert str(caught.value).startswith(message)
    secret = b"".join(good.key.read_bytes().split(b"\n")[1:-2]).decode()
    assert not any(secret[at : at + 16] in str(caught.value) for at in range(0, len(secret), 16))
    assert not (tmp_path / "certificate.pem").exists()
