"""Keys, updates and signatures with one fixed key: all that is made of it is known, and compared as a whole."""

from __future__ import annotations

import hashlib
import json
import stat
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from imager.commands import perform
from imager.core import tools
from imager.core.errors import ImagerError
from imager.requests.secureboot import Pcrs, Policy
from imager.secureboot import certificates, der, enrollment, keyring, lists, pkcs7, signatures, updates
from imager.secureboot.keyring import Keyring
from tests.support import fixed_key
from tests.support.golden import check_golden
from tests.support.imager import EPOCH, read_sections
from tests.support.places import GOLDEN
from tests.support.secure_boot import Signer
from tests.unit.imager.secureboot.test_measured import measured_uki
from tests.unit.imager.secureboot.test_sign import sign, to_sign, uki, write

__all__ = ["uki"]


@pytest.fixture(autouse=True)
def openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "run", fixed_key.openssl)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return fixed_key.signer(tmp_path)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    monkeypatch.setattr(keyring, "_new_pair", fixed_key.pair)
    monkeypatch.setattr(keyring, "uuid4", lambda: UUID(int=7))
    return Keyring(tmp_path / "keys", EPOCH)


def listing(directory: Path) -> str:
    """Return a line for each file: rights, size, digest, name."""
    rows = (
        f"{stat.S_IMODE(each.stat().st_mode):o} {each.stat().st_size:5} "
        f"{hashlib.sha256(each.read_bytes()).hexdigest()[:32]} {each.name}\n"
        for each in sorted(directory.iterdir())
    )
    return "".join(rows)


def test_all_files_of_a_directory_of_keys(keys: Keyring, update_golden: bool) -> None:
    keys.make("Acme", None)
    made = listing(keys.directory)
    keys.add("db-2", "Acme")
    added = listing(keys.directory)
    keys.revoke("db")
    keys.revoke("0a" * 32)
    found = f"make\n{made}\nadd\n{added}\nrevoke\n{listing(keys.directory)}"
    check_golden(GOLDEN / "keys.txt", found, update=update_golden)


@pytest.mark.parametrize("end", ["key", "crt"])
def test_no_key_is_added_beside_half_of_one(keys: Keyring, end: str) -> None:
    keys.directory.mkdir()
    (keys.directory / "db.esl").touch()
    (keys.directory / f"db-2.{end}").write_text("mine")
    with pytest.raises(ImagerError) as caught:
        keys.add("db-2", "Acme")
    assert str(caught.value) == f"{keys.directory} has db-2.{end} already: choose another name"
    assert sorted(each.name for each in keys.directory.iterdir()) == [f"db-2.{end}", "db.esl"]


def test_a_certificate_is_told_whole(signer: Signer) -> None:
    loaded = certificates.load(signer.certificate)
    assert loaded.describe() == (
        f"CN=db (certificate SHA-256 {hashlib.sha256(loaded.data).hexdigest()}, expires 2035-01-02)"
    )
    assert (loaded.serial, loaded.exponent) == (der.integer(7), 65537)
    assert der.read(loaded.issuer)[0].content.endswith(b"db")
    assert certificates.public_key(signer.key, "key").data == loaded.public_key
    certificates.check_key(signer.key, loaded)
    signed = fixed_key.signature(b"x")
    assert certificates.sign(signer.key, b"x") == signed
    assert loaded.digest_signed(signed) == hashlib.sha256(b"x").digest()
    for other in (signed[:-1] + b"\0", signed[1:], signed + b"\0", b"\xff" * 256, bytes(256)):
        assert loaded.digest_signed(other) is None


def damaged(fields: int) -> bytes:
    inner = der.make(der.SEQUENCE, der.tagged(0, der.integer(2)), *[der.integer(1)] * fields)
    return der.make(der.SEQUENCE, inner)


@pytest.mark.parametrize("data", [b"", der.make(der.SEQUENCE), damaged(0), damaged(5)])
def test_a_certificate_without_all_of_its_fields(data: bytes) -> None:
    with pytest.raises(ImagerError, match=r"^a certificate is incomplete or damaged$"):
        certificates._fields(data)


def test_a_certificate_may_have_nothing_but_its_fields() -> None:
    """The version is optional, and so is what follows the key."""
    assert [each.whole for each in certificates._fields(damaged(6))] == [der.integer(1)] * 6


def of(signer: Signer, name: str, content: bytes, *, append: bool = False) -> updates.Update:
    who = updates.Signer(certificates.load(signer.certificate), signer.key)
    return updates.read(updates.make(name, content, who, EPOCH, append=append))


def wrapped(signature: bytes) -> bytes:
    return der.make(der.SEQUENCE, pkcs7.SIGNED_DATA, der.tagged(0, signature))


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("db", lambda signature: signature, True),
        ("db", wrapped, True),
        ("dbx", lambda signature: signature, False),
        ("PK", wrapped, False),
        ("db", lambda _: der.make(der.SEQUENCE, der.integer(1)), False),
        ("db", lambda _: der.make(der.SEQUENCE, pkcs7.SIGNED_DATA), False),
        ("db", lambda _: b"", False),
        ("db", lambda signature: signature[:-1] + bytes([signature[-1] ^ 1]), False),
    ],
)
def test_whether_an_update_is_for_a_variable(
    signer: Signer, name: str, change: Callable[[bytes], bytes], expected: bool
) -> None:
    made = of(signer, "db", b"content")
    assert (made.epoch, made.content) == (EPOCH, b"content")
    changed = updates.Update(made.time, change(made.signature), made.content)
    assert updates.is_for(name, changed) is expected
    assert not updates.is_for(name, updates.Update(made.time, changed.signature, b"other"))
    appended = of(signer, name, b"content", append=True)
    assert not updates.is_for(name, appended), "its attributes are others"


def test_what_a_machine_in_setup_mode_gets(keys: Keyring) -> None:
    keys.make("Acme", None)
    found = enrollment.load(keys.directory)
    assert {name: each.content for name, each in found.items()} == {
        name: (keys.directory / f"{name}.esl").read_bytes() for name in ("PK", "KEK", "db")
    }


def test_what_is_to_be_signed_and_what_comes_of_it(
    uki: Path, signer: Signer, capsys: pytest.CaptureFixture[str], update_golden: bool
) -> None:
    place = to_sign(uki, signer)
    message, document = place.read_bytes(), place.with_name("edge.tbs.json")
    signature = uki.with_name("edge.sig")
    signature.write_bytes(fixed_key.signature(message))
    one = sign(uki, signer, signature).read_bytes()
    assert sign(uki, signer).read_bytes() == one
    signature.write_text(json.dumps({"signature": signature.read_bytes().hex(), "sections": []}))
    assert [int(each.stat().st_mtime) for each in (place, document)] == [EPOCH, EPOCH]
    told = f"{document.read_text()}\n{capsys.readouterr().out}{len(one)} {hashlib.sha256(one).hexdigest()}\n"
    check_golden(GOLDEN / "signing.txt", told, update=update_golden)


@pytest.mark.parametrize(
    ("sections", "found"),
    [({".cmdline": "00"}, {".cmdline": "00"}), ({}, {}), ([".cmdline"], {}), (None, {}), ("text", {})],
)
def test_what_else_a_json_says(tmp_path: Path, sections: object, found: object) -> None:
    place = tmp_path / "edge.sig"
    place.write_text(json.dumps({"signature": "AQID" * 85 + "AQ==", "sections": sections}))
    returned = signatures.load(place)
    assert (len(returned.signature), returned.signature[:4], returned.sections) == (256, b"\1\2\3\1", found)


def test_all_that_is_measured(tmp_path: Path, signer: Signer, update_golden: bool) -> None:
    """By the steps of a build: which certificate, the program with room for signatures, those, and the prediction."""
    pcr = fixed_key.signer(tmp_path, "pcr")
    uki = measured_uki(tmp_path, signer, pcr, "edge", "1.0")
    signed, predicted = tmp_path / "policy.json", tmp_path / "edge.pcrs.json"
    perform(Policy(uki=str(uki), key=str(pcr.key), output=str(signed), epoch=EPOCH))
    perform(Pcrs(uki=str(signed), name="edge", output=str(predicted), epoch=EPOCH))
    rows = [(tmp_path / name).read_text() for name in ("signer.json", "pcr.pem", "edge.pcrs.json")]
    for name, (size, flags, data) in read_sections(write(signed).read_bytes()).items():
        rows.append(f"{name:9} {size:8} {flags:x} {len(data):8} {hashlib.sha256(data).hexdigest()[:32]}")
    check_golden(GOLDEN / "measured.txt", "\n".join([*rows, ""]), update=update_golden)


def test_the_keys_of_microsoft_are_trusted_on_demand(keys: Keyring, tmp_path: Path) -> None:
    theirs = tmp_path / "microsoft"
    theirs.mkdir()
    with pytest.raises(ImagerError) as caught:
        keys.make("Acme", theirs)
    assert str(caught.value) == (
        f"there are no certificates of Microsoft in {theirs}: use the image claylinux/imager, or --no-microsoft"
    )
    assert not keys.directory.exists()
    for name in ("ms-kek-b", "ms-kek-a", "windows-d", "ms-uefi-c", "other"):
        (theirs / f"{name}.pem").write_bytes(fixed_key.pair(name)[1])
    keys.make("Acme", theirs)
    found = {}
    for name in ("PK", "KEK", "db"):
        entries = lists.read((keys.directory / f"{name}.esl").read_bytes())
        found[name] = [(each.kind, each.owner.int, each.data) for each in entries]
    expected = {"PK": [], "KEK": ["ms-kek-a", "ms-kek-b"], "db": ["ms-uefi-c", "windows-d"]}
    assert found == {
        name: [
            *((lists.X509, lists.MICROSOFT.int, fixed_key.certificate(each)) for each in others),
            (lists.X509, 7, fixed_key.certificate(f"Acme Secure Boot {name}")),
        ]
        for name, others in expected.items()
    }


SAID = "Sign what `--target tbs` gives now, or go back to what was signed"


def test_why_a_signature_does_not_fit(uki: Path, signer: Signer) -> None:
    place, message = uki.with_name("edge.sig"), to_sign(uki, signer).read_bytes()
    sections = json.loads(uki.with_name("edge.tbs.json").read_text())["sections"]
    who = certificates.load(signer.certificate).describe()
    needed, other = hashlib.sha256(message).hexdigest(), hashlib.sha256(b"x").hexdigest()
    start = f"`signature`: it is of another system: SHA-256 {other} was signed, this build needs {needed}. "

    def refused(signature: bytes, then: dict[str, str] | None = None) -> str:
        text = json.dumps({"signature": b64encode(signature).decode(), "sections": then}).encode()
        place.write_bytes(signature if then is None else text)
        with pytest.raises(ImagerError) as caught:
            sign(uki, signer, place)
        return str(caught.value)

    assert refused(bytes(256)) == (
        f"`signature`: it was not made by the key of {who}, or not by RSASSA-PKCS1-v1_5 with SHA-256: "
        "name the certificate of the key, and check the algorithm"
    )
    assert refused(fixed_key.signature(hashlib.sha256(message).digest())) == (
        "`signature`: the digest was hashed once more: sign the file, or tell the program that it gets a digest"
    )
    signed = fixed_key.signature(b"x")
    ask = "To see what differs, put the signature as `signature` into the .tbs.json of then, and name that file"
    assert refused(signed) == refused(signed, {}) == f"{start}{ask}. {SAID}"
    assert refused(signed, sections) == f"{start}What differs: the headers. {SAID}"
    changed = {**sections, ".cmdline": "00", ".gone": "00"}
    del changed[".uname"]
    assert refused(signed, changed) == f"{start}What differs: .cmdline, .gone, .uname. {SAID}"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "expected 256 bytes, or base64 of them; got 0 bytes"),
        (b"\xff" * 255, "expected 256 bytes, or base64 of them; got 255 bytes"),
        (b"AAAA\n", "expected 256 bytes, or base64 of them; got 3 bytes"),
        (b" {", "this JSON cannot be read: "),
        (b"{}", "this JSON has no `signature`: put the base64 of the signature there"),
        (b'{"signature": 7}', "this JSON has no `signature`: put the base64 of the signature there"),
    ],
)
def test_what_is_no_signature(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "edge.sig").write_bytes(data)
    with pytest.raises(ImagerError) as caught:
        signatures.load(tmp_path / "edge.sig")
    assert str(caught.value).startswith(f"`signature`: {told}")


def test_nothing_is_signed_with_the_key_of_another(keys: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.make("Acme", None)
    before = listing(keys.directory)
    monkeypatch.setattr(certificates, "public_key", lambda *_: certificates.PublicKey(b"other", b""))
    with pytest.raises(ImagerError, match=r"^`key`: it is not the key of the certificate CN=Acme Secure Boot KEK \("):
        keys.revoke("0a" * 32)
    assert listing(keys.directory) == before
