"""Accounts, made in the files of a system."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from imager.core.errors import ImagerError
from imager.customize import hashes, users
from imager.requests.accounts import Hashes, Users
from spec.accounts import AuthorizedKey, Group, HashSecret, HashText, KeyFile, KeyText, User
from tests.support.imager import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")

DAY = EPOCH // 86_400
KEY = "ssh-ed25519 AAAA me"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for folder in ("etc/skel/.config", "bin", "usr/sbin", "root", "home"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/skel/.profile").write_text("profile")
    (tmp_path / "etc/skel/.link").symlink_to("/nowhere")
    (tmp_path / "bin/sh").touch()
    (tmp_path / "usr/sbin/nologin").touch()
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/bash\nold:x:1000:1000::/home/old:/bin/sh\n+::::::\n"
    )
    (tmp_path / "etc/group").write_text("root:x:0:\nsudo:x:27:old\nold:x:1000:\n")
    (tmp_path / "etc/shadow").write_text("root:*:19000:0:99999:7:::\nold:!:19000:0:99999:7:::\n")
    (tmp_path / "etc/gshadow").write_text("root:*::\nsudo:*::old\nold:!::\n")
    (tmp_path / "etc/shadow").chmod(0o640)
    os.chown(tmp_path / "etc/shadow", 0, 42)
    return tmp_path


def user(
    *,
    password: str | None = None,
    secret: str = "",
    keys: Sequence[str] = (),
    key_files: Sequence[str] = (),
    **wanted: Any,
) -> User:
    """Return a user: `password` a hash, `keys` lines, `key_files` their paths in the build context."""
    hidden = HashSecret(secret=secret) if secret else None if password is None else HashText(hash=password)
    known: tuple[AuthorizedKey, ...] = (
        *(KeyText(line=line) for line in keys),
        *(KeyFile(source=path) for path in key_files),
    )
    return User(password=hidden, ssh_authorized_keys=known, **wanted)


def make(system: Path, *wanted: dict[str, Any], hashes: str = "", keys: str = "") -> None:
    known = tuple(user(**each) for each in wanted)
    users.run(Users(system=str(system), user=known, hashes=hashes, keys=keys, epoch=EPOCH))


def row(system: Path, file: str, name: str) -> str:
    (line,) = [line for line in (system / "etc" / file).read_text().splitlines() if line.startswith(f"{name}:")]
    return line


def test_a_person(system: Path) -> None:
    make(system, {"name": "me", "password": "$6$hash", "groups": ("sudo", "web"), "comment": "My Self"})
    assert row(system, "passwd", "me") == "me:x:1001:1001:My Self:/home/me:/bin/sh"
    assert row(system, "shadow", "me") == f"me:$6$hash:{DAY}:0:99999:7:::"
    assert row(system, "group", "me") == "me:x:1001:"
    assert row(system, "group", "sudo") == "sudo:x:27:old,me"
    assert row(system, "group", "web") == "web:x:999:me"
    assert row(system, "gshadow", "sudo") == "sudo:*::old,me"
    assert row(system, "gshadow", "web") == "web:!::me"
    assert "+::::::" in (system / "etc/passwd").read_text()
    shadow = (system / "etc/shadow").stat()
    assert (stat.S_IMODE(shadow.st_mode), shadow.st_gid) == (0o640, 42)


def test_a_home_is_made_from_the_skeleton(system: Path) -> None:
    make(system, {"name": "me", "keys": [KEY, "ssh-rsa B", KEY]})
    home = system / "home/me"
    for path in (
        home,
        home / ".profile",
        home / ".link",
        home / ".config",
        home / ".ssh",
        home / ".ssh/authorized_keys",
    ):
        status = path.lstat()
        assert (status.st_uid, status.st_gid) == (1001, 1001), path
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / ".ssh").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / ".ssh/authorized_keys").stat().st_mode) == 0o600
    assert (home / ".ssh/authorized_keys").read_text() == f"{KEY}\nssh-rsa B\n"
    assert (home / ".link").readlink().as_posix() == "/nowhere"
    assert (home / ".profile").stat().st_mtime == EPOCH


def test_root_is_changed_not_made(system: Path) -> None:
    make(system, {"name": "root", "keys": [KEY], "groups": ("sudo",)})
    assert row(system, "passwd", "root") == "root:x:0:0:root:/root:/bin/bash"
    assert row(system, "shadow", "root") == "root:*:19000:0:99999:7:::"
    assert (system / "root/.ssh/authorized_keys").read_text() == f"{KEY}\n"
    make(system, {"name": "root", "password": "", "shell": "/bin/sh"}, {"name": "root", "keys": [KEY]})
    assert row(system, "passwd", "root") == "root:x:0:0:root:/root:/bin/sh"
    assert row(system, "shadow", "root") == f"root::{DAY}:0:99999:7:::"
    assert (system / "root/.ssh/authorized_keys").read_text() == f"{KEY}\n"
    assert stat.S_IMODE((system / "root").stat().st_mode) == 0o755


@pytest.mark.parametrize(("wanted", "field"), [({}, "*"), ({"password": None}, "*"), ({"password": ""}, "")])
def test_passwords(system: Path, wanted: dict[str, object], field: str) -> None:
    make(system, {"name": "me", **wanted})
    assert row(system, "shadow", "me").split(":")[1] == field


def test_a_system_account_has_no_home_and_no_login(system: Path) -> None:
    make(system, {"name": "svc", "system": True}, {"name": "svc2", "system": True, "home": "/var/lib/svc2"})
    assert row(system, "passwd", "svc") == "svc:x:999:999::/nonexistent:/usr/sbin/nologin"
    assert row(system, "passwd", "svc2") == "svc2:x:998:998::/var/lib/svc2:/usr/sbin/nologin"
    assert not (system / "nonexistent").exists()
    assert (system / "var/lib/svc2").stat().st_uid == 998


def test_numbers(system: Path) -> None:
    make(system, {"name": "web", "uid": 33}, {"name": "sudo"}, {"name": "x", "uid": 27})
    assert row(system, "passwd", "web").split(":")[2:4] == ["33", "33"]
    assert row(system, "passwd", "sudo").split(":")[2:4] == ["1001", "27"]
    assert row(system, "passwd", "x").split(":")[2:4] == ["27", "1001"]


def test_the_last_number_is_given_once(system: Path) -> None:
    taken = "".join(f"g{number}:x:{number}:\n" for number in range(101, 1000))
    (system / "etc/group").write_text(f"root:x:0:\n{taken}")
    make(system, {"name": "me", "system": True})
    assert row(system, "passwd", "me").split(":")[2] == "100"
    with pytest.raises(ImagerError, match="no free user or group number left"):
        make(system, {"name": "you", "system": True})


def test_numbers_that_are_asked_for_are_kept_free(system: Path) -> None:
    make(system, {"name": "a"}, {"name": "s", "system": True}, {"name": "b", "uid": 1001}, {"name": "t", "uid": 999})
    found = {name: row(system, "passwd", name).split(":")[2:4] for name in "asbt"}
    assert found == {"a": ["1002"] * 2, "s": ["998"] * 2, "b": ["1001"] * 2, "t": ["999"] * 2}


def test_a_group_does_not_take_the_number_of_a_user(system: Path) -> None:
    groups = (Group(name="data"), Group(name="web", gid=1002))
    users.run(Users(system=str(system), group=groups, user=(User(name="me", uid=1001),), epoch=EPOCH))
    assert [row(system, "group", name).split(":")[2] for name in ("data", "web", "me")] == ["1003", "1002", "1001"]


def test_bash_is_preferred(system: Path) -> None:
    (system / "bin/bash").touch()
    make(system, {"name": "me"})
    assert row(system, "passwd", "me").endswith(":/bin/bash")


def test_missing_databases_are_made(system: Path) -> None:
    (system / "etc/shadow").unlink()
    (system / "etc/gshadow").unlink()
    make(system, {"name": "me"})
    assert row(system, "shadow", "me") == f"me:*:{DAY}:0:99999:7:::"
    assert stat.S_IMODE((system / "etc/shadow").stat().st_mode) == 0o640
    assert not (system / "etc/gshadow").exists()


def test_links_in_the_system_lead_nowhere_else(system: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (system / "home").rmdir()
    (system / "home").symlink_to("/var/home")
    (system / "root/.ssh").mkdir()
    (system / "root/.ssh/authorized_keys").symlink_to(outside / "keys")
    make(system, {"name": "me"}, {"name": "root", "keys": [KEY]})
    assert (system / "var/home/me/.profile").exists()
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"name": "old", "uid": 5}, "user old exists with the number 1000, not 5"),
        ({"name": "me", "uid": 1000}, "the number 1000 belongs to another user"),
        ({"name": "svc", "system": True, "keys": [KEY]}, "ssh keys need a home directory"),
        ({"name": "me", "home": "/etc/passwd"}, "the home /etc/passwd is not a directory"),
    ],
)
def test_what_is_wrong_is_named(system: Path, wanted: dict[str, object], message: str) -> None:
    with pytest.raises(ImagerError) as caught:
        make(system, wanted)
    assert message in str(caught.value)


REAL = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
HASH = "$6$saltsalt$" + "a" * 86


def group(system: Path, *wanted: dict[str, Any]) -> None:
    users.run(Users(system=str(system), group=tuple(Group(**each) for each in wanted), epoch=EPOCH))


def test_the_log_tells_which_groups_are_made(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    group(system, {"name": "data"})
    assert capsys.readouterr().err == ""
    make(
        system,
        {"name": "me", "group": "me", "groups": ("sudo", "data", "sudoo", "web")},
        {"name": "you", "group": "old", "groups": ("web",)},
    )
    assert capsys.readouterr().err == (
        "imager: user me: the system has no group sudoo, so a new one is made: did you mean sudo?\n"
        "imager: user me: the system has no group web, so a new one is made\n"
    )


def test_groups(system: Path) -> None:
    group(system, {"name": "data"}, {"name": "web", "gid": 1001}, {"name": "svc", "system": True}, {"name": "sudo"})
    for name, gid in (("data", "1002"), ("web", "1001"), ("svc", "999"), ("sudo", "27")):
        assert row(system, "group", name).split(":")[2] == gid
    with pytest.raises(ImagerError, match="group sudo exists with the number 27, not 28"):
        group(system, {"name": "sudo", "gid": 28})
    with pytest.raises(ImagerError, match="group new: the number 27 belongs to the group sudo"):
        group(system, {"name": "new", "gid": 27})


def test_a_primary_group(system: Path) -> None:
    make(system, {"name": "me", "group": "sudo"}, {"name": "old", "group": "fresh"})
    assert row(system, "passwd", "me") == "me:x:1001:27::/home/me:/bin/sh"
    assert row(system, "passwd", "old").split(":")[3] == row(system, "group", "fresh").split(":")[2]
    assert not any(line.startswith("me:") for line in (system / "etc/group").read_text().splitlines())


def test_an_account_without_a_row_in_shadow_is_locked(system: Path) -> None:
    (system / "etc/shadow").write_text("root:*:19000:0:99999:7:::\n")
    make(system, {"name": "old", "lock": True})
    assert row(system, "shadow", "old") == "old:!*:1:0:99999:7::1:"


def test_a_locked_account_lets_nobody_in(system: Path) -> None:
    make(system, {"name": "root", "lock": True}, {"name": "me", "password": HASH, "lock": True})
    assert row(system, "shadow", "root") == "root:!*:19000:0:99999:7::1:"
    assert row(system, "shadow", "me") == f"me:!{HASH}:{DAY}:0:99999:7::1:"


def test_hashes_and_keys_from_files(system: Path, tmp_path: Path) -> None:
    (tmp_path / "own").write_text(HASH)
    (tmp_path / "0").write_text(f"# mine\n\n  {REAL} me\n{REAL} other\n")
    (tmp_path / "1").write_text(f"{REAL} you\n")
    me = {"name": "me", "secret": "own", "key_files": ["me.pub"]}
    you = {"name": "you", "key_files": ["me.pub", "you.pub"]}
    make(system, me, you, hashes=str(tmp_path), keys=str(tmp_path))
    assert (system / "home/you/.ssh/authorized_keys").read_text() == f"{REAL} me\n{REAL} other\n{REAL} you\n"
    assert row(system, "shadow", "me").split(":")[1] == HASH
    assert (system / "home/me/.ssh/authorized_keys").read_text() == f"{REAL} me\n{REAL} other\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "user me: me.pub has no public key in it"),
        (f"{REAL} a\nssh-ed25519 AAAA b\n", "user me: me.pub, line 2: this ssh-ed25519 key is incomplete or damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "user me: me.pub, line 1: this is not a public key"),
        (None, "user me: me.pub is a directory"),
    ],
)
def test_wrong_keys_are_named_by_their_line(system: Path, tmp_path: Path, text: str | None, message: str) -> None:
    if text is None:
        (tmp_path / "0").mkdir()
    else:
        (tmp_path / "0").write_text(text)
    with pytest.raises(ImagerError) as caught:
        make(system, {"name": "me", "key_files": ["me.pub"]}, keys=str(tmp_path))
    assert message in str(caught.value)


def test_a_secret_is_a_hash(tmp_path: Path) -> None:
    def copy(content: bytes) -> Path:
        (tmp_path / "root").write_bytes(content)
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        hashes.run(Hashes(source=str(tmp_path), name=("root",), output=str(out), epoch=EPOCH))
        return out / "root"

    copied = copy(f"{HASH}\n".encode())
    assert (copied.read_text(), copied.stat().st_mtime, copied.parent.stat().st_mtime) == (HASH, EPOCH, EPOCH)
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600, "nobody else can try passwords against it"
    for wrong, message in ((b"hunter2\n", "not a crypt"), (b"\n", "is empty"), (b"\xff", "is no text")):
        with pytest.raises(ImagerError, match=f"users: the secret root.*{message}") as caught:
            copy(wrong)
        assert "hunter2" not in str(caught.value)


def test_a_system_without_accounts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagerError, match="has no /etc/passwd"):
        make(tmp_path, {"name": "me"})


def test_a_group_without_a_number_has_none(system: Path) -> None:
    (system / "etc/group").write_text("root:x:0:\nshort:x\n")
    users.run(Users(system=str(system), group=(Group(name="new", gid=7),), epoch=EPOCH))
    assert (system / "etc/group").read_text() == "root:x:0:\nshort:x\nnew:x:7:\n"
