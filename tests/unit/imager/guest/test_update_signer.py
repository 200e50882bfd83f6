"""A version that Secure Boot would not start is not fetched; a version that it might start is."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from imager.secureboot import lists
from imager.secureboot.lists import Entry
from tests.support.guest_programs import SHELLS
from tests.support.secure_boot import Signer, make_signer, openssl
from tests.support.update_guest import Done, Keys, UpdateGuest, Version

pytestmark = pytest.mark.slow

OWNER = uuid.UUID(int=7)
OLD = Version("1.4.0", (b"head" * 100, b"kernel" * 500))
NEW = Version("1.5.0", (b"HEAD" * 100, b"kernel" * 500))
HASH = Entry(lists.SHA256, OWNER, bytes(range(32)))
Certificates = dict[str, bytes]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Those of two that sign, of an authority, and of one for whom that vouches: in DER, by their names."""
    place = tmp_path_factory.mktemp("certificates")
    made = {name: make_signer(place, name) for name in ("ours", "others", "authority")}
    request = ("req", "-new", "-newkey", "rsa:2048", "-noenc", "-keyout", f"{place}/issued.key", "-subj", "/CN=issued")
    authority = ("-CA", f"{place}/authority.crt", "-CAkey", f"{place}/authority.key", "-CAcreateserial", "-days", "1")
    made["issued"] = Signer(place / "issued.key", place / "issued.crt")
    openssl("x509", "-req", *authority, "-out", f"{made['issued'].certificate}", given=openssl(*request))
    return {name: signer.der for name, signer in made.items()}


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, keys: tuple[Keys, Keys], tmp_path: Path) -> UpdateGuest:
    return UpdateGuest(tmp_path / "guest", request.param, keys[0])


def offer(guest: UpdateGuest, old: bytes, new: bytes, *trusted: bytes, on: bool = True) -> Done:
    """Let a machine with a version get a new one; both have a certificate, and the firmware trusts others."""
    entries = (*(Entry(lists.X509, OWNER, each) for each in trusted), HASH)
    variables = guest.place / "sys/firmware/efi/efivars"
    variables.mkdir(parents=True, exist_ok=True)
    (variables / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c").write_bytes(b"\6\0\0\0" + bytes((on,)))
    (variables / "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f").write_bytes(b"\7\0\0\0" + lists.make((HASH, *entries)))
    guest.runs(replace(OLD, certificate=old))
    replace(NEW, certificate=new).publish(guest.place / "stick", guest.keys)
    return guest.update("--from", str(guest.place / "stick"))


@pytest.mark.parametrize("trusted", [("ours",), ("others", "ours"), ("ours", "others")])
def test_a_version_that_would_not_start(guest: UpdateGuest, known: Certificates, trusted: tuple[str, ...]) -> None:
    """Nothing is written, and once the firmware trusts its certificate, it is taken."""
    db = tuple(known[name] for name in trusted)
    done = offer(guest, known["ours"], known["authority"], *db)
    reason = "1.5.0: Secure Boot would not start it: the firmware does not trust CN=authority"
    assert (done.code, done.out, done.err) == (1, "", f"claylinux: {reason}\n")
    assert guest.files() == {}
    assert reason in guest.log
    assert offer(guest, known["ours"], known["authority"], *db, known["authority"]).code == 0
    assert guest.versions() == ["web_1.5.0+3.efi"]


def test_whom_an_authority_vouches_for(guest: UpdateGuest, known: Certificates) -> None:
    assert offer(guest, known["ours"], known["issued"], known["ours"]).code == 1
    assert offer(guest, known["ours"], known["issued"], known["authority"], known["ours"]).code == 0


@pytest.mark.parametrize(
    ("old", "new", "trusted", "on"),
    [
        pytest.param("ours", "ours", ("ours",), True, id="it is trusted"),
        pytest.param("ours", "others", ("ours",), False, id="Secure Boot is off"),
        pytest.param("ours", "", ("ours",), True, id="an index without a certificate"),
        pytest.param("", "others", ("ours",), True, id="no certificate of the version that runs"),
        pytest.param("authority", "others", ("ours",), True, id="what runs is trusted in another way"),
        pytest.param("authority", "others", (), True, id="the firmware tells of none"),
    ],
)
def test_a_version_that_may_start(
    guest: UpdateGuest, known: Certificates, old: str, new: str, trusted: tuple[str, ...], on: bool
) -> None:
    done = offer(guest, known.get(old, b""), known.get(new, b""), *(known[name] for name in trusted), on=on)
    assert (done.code, done.err) == (0, "")
    assert guest.versions() == ["web_1.5.0+3.efi"]


def test_what_is_no_certificate(guest: UpdateGuest, known: Certificates) -> None:
    """No verdict, so it is tried."""
    assert offer(guest, known["ours"], b"nonsense", known["ours"]).code == 0


def test_lists_that_are_damaged(guest: UpdateGuest) -> None:
    whole = lists.make((HASH, Entry(lists.X509, OWNER, b"certificate")))
    file = guest.place / "lists"
    found = []
    for content in (whole, whole[:-1], whole[:90], b"", b"\0" * 100, whole[:16] + b"\0" * 40):
        file.write_bytes(content)
        found.append(guest.run(f"trusted_ranges {file}").out)
    start = len(whole) - len(b"certificate")
    assert found == [f"{start} {len(b'certificate')}\n", "", "", "", "", ""]
