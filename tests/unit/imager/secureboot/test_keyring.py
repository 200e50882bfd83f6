"""The program `keys`: what it makes, as other programs see it, and what it never does."""

from __future__ import annotations

import errno
import hashlib
import stat
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
import virt.firmware  # type: ignore[import-untyped]
from virt.firmware.efi import siglist  # type: ignore[import-untyped]

from imager import keys
from imager.core import output
from imager.secureboot import der, keyring, lists, pkcs7, updates
from tests.support.secure_boot import openssl
from tests.support.vm import require_tool

pytestmark = pytest.mark.slow  # most of them make keys

MICROSOFT = Path(virt.firmware.__file__).parent / "certs/microsoft.com"


def run(directory: Path, *words: str, microsoft: Path = MICROSOFT) -> int:
    require_tool("openssl")
    return keys.main([f"--directory={directory}", *words], str(microsoft))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, one more for db, and the first one revoked; after each step the files are kept."""
    directory = tmp_path_factory.mktemp("keys") / "keys"
    for number, words in enumerate((["--name=Acme"], ["--name=Acme", "add", "db-2"], ["revoke", "db"])):
        assert run(directory, *words) == 0
        subprocess.run(["cp", "-a", directory, f"{directory}-{number}"], check=True)
    return directory


def subjects(place: Path) -> list[str]:
    """Return the names of the certificates in a list, as another program reads it."""
    found = siglist.EfiSigDB(place.read_bytes())
    return [each.x509.subject.rfc4514_string() if each.x509 else each[0]["data"].hex() for each in found]


def test_lists_have_ours_and_those_of_microsoft(made: Path) -> None:
    first = made.with_name("keys-0")
    assert subjects(first / "PK.esl") == ["CN=Acme Secure Boot PK"]
    assert [each.partition(",")[0] for each in subjects(first / "KEK.esl")] == [
        "CN=Microsoft Corporation KEK CA 2011",
        "CN=Microsoft Corporation KEK 2K CA 2023",
        "CN=Acme Secure Boot KEK",
    ]
    assert [each.partition(",")[0] for each in subjects(first / "db.esl")] == [
        "CN=Microsoft Corporation UEFI CA 2011",
        "CN=Microsoft UEFI CA 2023",
        "CN=Microsoft Option ROM UEFI CA 2023",
        "CN=Microsoft Windows Production PCA 2011",
        "CN=Windows UEFI CA 2023",
        "CN=Acme Secure Boot db",
    ]
    owners = [each.owner for each in lists.read((first / "db.esl").read_bytes())]
    assert owners == [lists.MICROSOFT] * 5 + [UUID((first / "owner.txt").read_text().strip())]


def test_a_key_is_added_and_another_revoked(made: Path) -> None:
    second = made.with_name("keys-1")
    assert subjects(second / "db.esl")[-2:] == ["CN=Acme Secure Boot db", "CN=Acme Secure Boot db-2"]
    assert subjects(made / "db.esl")[-1] == "CN=Acme Secure Boot db-2"
    assert "CN=Acme Secure Boot db" not in subjects(made / "db.esl")
    assert subjects(made / "dbx.esl") == ["CN=Acme Secure Boot db"]


@pytest.mark.parametrize("name", ["PK", "KEK", "db", "dbx", "db-add", "dbx-add", "PK-remove"])
def test_openssl_verifies_each_update(made: Path, tmp_path: Path, name: str) -> None:
    """The message is put together here by the words of the specification, not by the code that signed it."""
    variable, _, how = name.partition("-")
    data = (made / f"{name}.auth").read_bytes()
    size = int.from_bytes(data[16:20], "little")
    assert data[20:24] == bytes.fromhex("0002f10e")
    signed, content = data[16 + 24 : 16 + size], data[16 + size :]
    space = "8be4df61-93ca-11d2-aa0d-00e098032b8c" if "K" in variable else "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
    attributes = 0x67 if how == "add" else 0x27
    message = variable.encode("utf-16-le") + UUID(space).bytes_le + attributes.to_bytes(4, "little") + data[:16]
    (tmp_path / "message").write_bytes(message + content)
    (tmp_path / "signed").write_bytes(der.make(der.SEQUENCE, pkcs7.SIGNED_DATA, der.tagged(0, signed)))
    signer = made / ("PK.crt" if variable in ("PK", "KEK") else "KEK.crt")
    words = ("cms", "-verify", "-binary", "-inform", "DER", "-in", str(tmp_path / "signed"), "-purpose", "any")
    openssl(*words, "-content", str(tmp_path / "message"), "-CAfile", str(signer), "-no_check_time")
    if how == "remove":
        assert content == b""
    elif how == "add":
        assert len(lists.read(content)) == 1
    else:
        assert content == (made / f"{variable}.esl").read_bytes()


def test_updates_get_later_with_each_step(made: Path) -> None:
    """Firmware takes no other, and these steps took less than a second."""
    times = [updates.read((made.with_name(f"keys-{number}") / "db.auth").read_bytes()).epoch for number in range(3)]
    assert times[0] < times[1] < times[2]


def test_no_key_is_ever_replaced(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def state() -> dict[str, str]:
        return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in made.iterdir()}

    before = state()
    for words in (
        [],
        ["add", "db"],
        ["add", "db-2"],
        ["add", "PK"],
        ["add", "../x"],
        ["revoke", "db-2"],
        ["revoke", "n"],
    ):
        assert run(made, *words) == 1
    assert state() == before
    told = capfd.readouterr().err
    assert "has PK.key already, and no key is ever replaced" in told
    assert "db-2 is the last key of yours in db" in told
    assert "has no n.crt" in told
    assert len(told.splitlines()) == 7


def test_private_keys_are_for_their_owner_only(made: Path) -> None:
    found = {each.name: stat.S_IMODE(each.stat().st_mode) for each in made.glob("*.key")}
    assert found == dict.fromkeys(("PK.key", "KEK.key", "db.key", "db-2.key"), 0o600)
    assert "*.key" in (made / ".gitignore").read_text().splitlines()


def test_without_microsoft_it_says_what_that_means(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "keys", "--no-microsoft") == 0
    assert subjects(tmp_path / "keys/db.esl") == ["CN=Secure Boot db"]
    assert "may show no picture" in capfd.readouterr().err


def test_one_system_is_revoked_by_its_digest(made: Path, tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    subprocess.run(["cp", "-a", made, directory], check=True)
    assert run(directory, "revoke", "AB" * 32) == 0
    assert subjects(directory / "dbx.esl")[-1] == "ab" * 32
    (only,) = lists.read(updates.read((directory / "dbx-add.auth").read_bytes()).content)
    assert (only.kind, only.data) == (lists.SHA256, bytes.fromhex("ab" * 32))


def test_a_full_disk_leaves_no_half_of_the_keys(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever file is the one that does not fit: what is left would be in the way of the next try."""
    pair = ((made / "PK.key").read_bytes(), (made / "PK.crt").read_bytes())
    monkeypatch.setattr(keyring, "_new_pair", lambda subject: pair)
    whole, left = output.write_all, 0

    def write(fd: int, data: bytes) -> None:
        nonlocal left
        if str(Path(f"/proc/self/fd/{fd}").readlink()).startswith(str(tmp_path)):
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        whole(fd, data)

    monkeypatch.setattr(output, "write_all", write)
    for number in (0, 5, 7, 14):
        left = number
        assert run(tmp_path / "keys", "--no-microsoft") == 1, number
        assert list((tmp_path / "keys").iterdir()) == []
        assert f"keys: error: cannot write to {tmp_path}/keys: No space left on device\n" in capfd.readouterr().err
    left = 15
    assert run(tmp_path / "keys", "--no-microsoft") == 0
    before = sorted((tmp_path / "keys").iterdir())
    for number in (1, 3):
        left = number
        assert run(tmp_path / "keys", "add", "db-2") == 1
        assert {each.name for each in (tmp_path / "keys").iterdir()} == {each.name for each in before}


def test_wrong_usage_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert [run(tmp_path, *words) for words in (["--nam=x"], ["ad"], ["--name=a/b"], ["revoke"])] == [2] * 4
    assert run(tmp_path / "new", microsoft=tmp_path) == 1
    assert run(tmp_path / "nothing", "add", "db-2") == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 6
    assert "there are no certificates of Microsoft in" in lines[4]
    assert "make keys there first" in lines[5]
