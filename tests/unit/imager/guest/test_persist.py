"""The directories and files that stay: what a new image brings, and what the machine changed."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
from pathlib import Path

import pytest

from tests.support.guest_programs import SHELLS, Guest

KEEP = "mount() { :; }; sweep; keep_words; keep_paths\n"
APP = "/var/lib/app"
Files = dict[str, str | None]
"""By their paths: content, None for a directory, `->` before the target of a link."""


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path / "guest", request.param)


def boot(guest: Guest, files: Files, *, paths: tuple[str, ...] = (APP,)) -> None:
    """Start the machine with an image that has these files."""
    write_image(guest, files, paths)
    guest.run(KEEP)


def write_image(guest: Guest, files: Files, paths: tuple[str, ...] = (APP,)) -> None:
    """Give the system the files of an image, and the lists of its build."""
    image = guest.root / APP[1:]
    shutil.rmtree(image, ignore_errors=True)
    image.mkdir(parents=True)
    lines = [f"d - {rights(image)} {APP}\n"]
    for name, content in sorted(files.items()):
        place = image / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.mkdir(exist_ok=True)
            kind, digest = "d", "-"
        elif content.startswith("->"):
            place.symlink_to(content[2:])
            kind, digest = "l", hashlib.sha256(content[2:].encode()).hexdigest()
        else:
            place.write_text(content)
            kind, digest = "f", hashlib.sha256(content.encode()).hexdigest()
        lines.append(f"{kind} {digest} {rights(place)} {APP}/{name}\n")
    (guest.place / "lists/image.list").write_text("".join(lines))
    (guest.place / "lists/persist.list").write_text("".join(f"{path}\n" for path in paths))


def rights(place: Path) -> str:
    """Return mode, owner and group as the lists have them."""
    status = place.lstat()
    return f"{status.st_mode & 0o7777:o}:{status.st_uid}:{status.st_gid}"


def kept(guest: Guest) -> Path:
    return guest.root / "state/persist" / APP[1:]


def content(guest: Guest) -> Files:
    found: Files = {}
    for place in sorted(kept(guest).rglob("*")):
        name = str(place.relative_to(kept(guest)))
        found[name] = f"->{place.readlink()}" if place.is_symlink() else None if place.is_dir() else place.read_text()
    return found


def differences(guest: Guest) -> list[str]:
    return guest.run("differences").replace(f"{APP}/", "").splitlines()


def test_the_first_boot_copies_and_later_ones_leave_alone(guest: Guest) -> None:
    files = {"a b": "1", "conf/x": "2", "conf": None, "link": "->a b"}
    boot(guest, files)
    (kept(guest) / "a b").chmod(0o600)
    assert content(guest) == files
    (kept(guest) / "own").write_text("data")
    boot(guest, files)
    assert content(guest) == {**files, "own": "data"}
    assert (kept(guest) / "a b").stat().st_mode & 0o777 == 0o600
    assert differences(guest) == ["rights a b"]


@pytest.mark.slow
def test_what_a_new_image_brings(guest: Guest) -> None:
    boot(guest, {"same": "1", "newer": "1", "gone": "1", "old": None, "old/x": "1", "link": "->1", "kind": "file"})
    new = {"same": "1", "newer": "2", "added": "1", "sub": None, "sub/y": "1", "link": "->2", "kind": None}
    boot(guest, new)
    assert content(guest) == new
    assert differences(guest) == []


@pytest.mark.slow
def test_what_the_machine_changed_stays_and_is_shown(guest: Guest) -> None:
    boot(guest, {"mine": "1", "both": "1", "gone": "1", "removed": "1", "agreed": "1"})
    for name in ("mine", "both", "gone", "own"):
        (kept(guest) / name).write_text("machine")
    (kept(guest) / "agreed").write_text("2")
    (kept(guest) / "removed").unlink()
    assert differences(guest) == ["changed agreed", "changed both", "changed gone", "changed mine", "removed removed"]
    boot(guest, {"mine": "1", "both": "2", "removed": "1", "agreed": "2", "own": "image"})
    assert content(guest) == dict.fromkeys(("both", "gone", "mine", "own"), "machine") | {"agreed": "2"}
    assert differences(guest) == ["newer both", "changed mine", "newer own", "removed removed"]
    boot(guest, {"mine": "3", "both": "2", "agreed": "3"})
    assert content(guest) == dict.fromkeys(("both", "gone", "mine", "own"), "machine") | {"agreed": "3"}
    assert differences(guest) == ["newer both", "newer mine"]
    (kept(guest) / "both").write_text("2")
    assert differences(guest) == ["newer mine"]


@pytest.mark.slow
def test_rights_are_decided_as_content_is(guest: Guest) -> None:
    """Each on its own: a new file gets the rights that the machine gave the old one, and a changed one new rights."""
    names = ("both", "content", "image", "machine", "none")
    boot(guest, {**dict.fromkeys(names, "1"), "d": None, "e": None, "link": "->1"})
    for name in ("both", "content", "machine", "d"):
        (kept(guest) / name).chmod(0o640)
    (kept(guest) / "image").write_text("machine")
    assert differences(guest) == ["rights both", "rights content", "changed image", "rights machine"]
    image: Files = {"both": "1", "content": "2", "image": "1", "machine": "1", "none": "1"}
    write_image(guest, {**image, "d": None, "e": None, "link": "->1"})
    place = guest.root / APP[1:]
    for name in ("both", "image", "none", "d", "e"):
        (place / name).chmod(0o711)
    listed = (guest.place / "lists/image.list").read_text().splitlines()
    lines = [line.split(" ") for line in listed]
    for line in lines:
        line[2] = rights(guest.root / line[3][1:])
    (guest.place / "lists/image.list").write_text("".join(f"{' '.join(line)}\n" for line in lines))
    guest.run(KEEP)
    modes = {name: oct((kept(guest) / name).stat().st_mode & 0o777) for name in (*names, "d", "e")}
    assert modes == {
        **dict.fromkeys(("both", "content", "machine", "d"), "0o640"),
        **dict.fromkeys(("image", "none", "e"), "0o711"),
    }
    assert content(guest) == image | {"image": "machine", "d": None, "e": None, "link": "->1"}
    assert differences(guest) == ["newer both", "rights content", "newer d", "changed image", "rights machine"]


def test_a_directory_that_was_empty(guest: Guest) -> None:
    boot(guest, {})
    boot(guest, {"a": "1"})
    assert content(guest) == {"a": "1"}
    (guest.root / "state/.claylinux/base.list").write_text("")
    boot(guest, {"a": "1", "b": "1"})
    assert content(guest) == {"a": "1", "b": "1"}


def test_a_directory_that_is_no_longer_named(guest: Guest) -> None:
    boot(guest, {"a": "1"})
    for name in ("persist", "image"):
        (guest.place / f"lists/{name}.list").write_text("")
    guest.run(KEEP)
    assert content(guest) == {"a": "1"}
    boot(guest, {"a": "2"})
    assert content(guest) == {"a": "2"}


def test_a_directory_becomes_a_file(guest: Guest) -> None:
    boot(guest, {"a": None, "a/b": "1", "c": None, "c/d": "1"})
    (kept(guest) / "c/own").write_text("machine")
    boot(guest, {"a": "2", "c": "2"})
    assert content(guest) == {"a": "2", "c": None, "c/own": "machine"}
    assert differences(guest) == ["newer c"]


@pytest.mark.slow
def test_the_file_of_the_image_can_be_taken(guest: Guest) -> None:
    boot(guest, {"a b": "1", "c": "1", "d": None})
    for name in ("a b", "c"):
        (kept(guest) / name).write_text("machine")
    boot(guest, {"a b": "2", "c": "2", "d": None})
    assert differences(guest) == ["newer a b", "newer c"]
    mounts = 'mount() { rmdir "$4" && ln -s "$3" "$4"; }; umount() { rm "$1" && mkdir "$1"; }\n'
    assert guest.run(f'{mounts}take "{APP}/a b"; echo $?') == "0\n"
    assert content(guest) == {"a b": "2", "c": "machine", "d": None}
    assert differences(guest) == ["newer c"]
    for path in (f"{APP}/d", f"{APP}/none", "/etc/passwd", "a b"):
        assert guest.run(f'{mounts}take "{path}"; echo $?') == "1\n"
    boot(guest, {"a b": "3", "c": "2", "d": None})
    assert content(guest) == {"a b": "3", "c": "machine", "d": None}


def test_a_power_cut_while_files_are_copied(guest: Guest) -> None:
    boot(guest, {"a": "1"})
    shutil.rmtree(guest.root / "state")
    half = guest.root / "state/.claylinux/new"
    half.mkdir(parents=True)
    (half / "a").write_text("ha")
    boot(guest, {"a": "1"})
    assert content(guest) == {"a": "1"}
    assert not half.exists()


def test_a_power_cut_before_the_lists_are_written(guest: Guest) -> None:
    boot(guest, {"a": "1", "b": "1"})
    own = guest.root / "state/.claylinux"
    (own / "base.list").write_text((own / "base.list").read_text()[:30])
    (own / "seen.list").unlink()
    boot(guest, {"a": "1", "b": "1"})
    boot(guest, {"a": "2", "b": "2"})
    assert content(guest) == {"a": "2", "b": "2"}


@pytest.mark.slow
def test_a_power_cut_at_any_moment(guest: Guest) -> None:
    """The next boot goes on: what the machine changed is its own, all else is that of the newest image."""
    chance = random.Random(12)
    names = [f"f{number}" for number in range(8)]
    for number in range(8):
        image: Files = {name: f"{number} {name}" for name in names if chance.random() < 0.8}
        write_image(guest, image)
        guest.cut(KEEP, chance.uniform(0.01, 0.3))
        boot(guest, image)
        found = content(guest)
        if number == 0:
            (kept(guest) / "mine").write_text("machine")
        found.pop("mine", None)
        assert found == image
    assert (kept(guest) / "mine").read_text() == "machine"


def test_a_directory_that_cannot_be_copied(guest: Guest) -> None:
    boot(guest, {"a": "1"}, paths=("/none", APP))
    assert content(guest) == {"a": "1"}
    assert guest.said.startswith("/none could not be copied from the image")


@pytest.mark.slow
def test_random_lives(guest: Guest) -> None:
    """A file that the machine never touched is that of the newest image; one that it did is its own."""
    chance = random.Random(3)
    names = [f"f{number}" for number in range(6)] + ["d/g"]
    touched: set[str] = set()
    for _ in range(8):
        image: Files = {"d": None}
        image |= {name: str(chance.randint(1, 2)) for name in names if chance.random() < 0.7}
        boot(guest, image)
        found = content(guest)
        for name in names:
            if name not in touched:
                assert found.get(name) == image.get(name), name
            elif name in found:
                assert found[name] in ("machine", image.get(name)), name
        for name in names:
            if chance.random() < 0.1 and (kept(guest) / name).exists():
                (kept(guest) / name).write_text("machine")
                touched.add(name)


@pytest.mark.slow
def test_a_machine_id_is_made_once(guest: Guest) -> None:
    (guest.root / "etc").mkdir()
    (guest.root / "etc/machine-id").write_text("")
    guest.settings["persist_words"] = "machine-id"
    (guest.place / "lists/persist.list").write_text("")
    (guest.place / "lists/image.list").write_text("")
    guest.run(KEEP)
    first = (guest.root / "etc/machine-id").read_text()
    assert re.fullmatch("[0-9a-f]{32}\n", first)
    (guest.root / "etc/machine-id").write_text("f" * 32 + "\n")
    guest.run(KEEP)
    assert (guest.root / "etc/machine-id").read_text() == first
    (guest.root / "state/.claylinux/machine-id").write_text("torn")
    (guest.root / "etc/machine-id").write_text("f" * 32 + "\n")
    guest.run(KEEP)
    assert (guest.root / "state/.claylinux/machine-id").read_text() == "f" * 32 + "\n"


def test_host_keys_stay(guest: Guest) -> None:
    (guest.root / "etc/ssh").mkdir(parents=True)
    maker = guest.root / "usr/lib/claylinux/make-identity"
    maker.parent.mkdir(parents=True)
    maker.write_text(f'#!/bin/sh\n[ -s {guest.root}/etc/ssh/ssh_host_a_key ] || '
                     f'(umask 077; echo "$1 $$" > {guest.root}/etc/ssh/ssh_host_a_key)\n')  # fmt: skip
    maker.chmod(0o755)
    guest.settings["persist_words"] = "ssh-host-keys"
    for name in ("persist", "image"):
        (guest.place / f"lists/{name}.list").write_text("")
    guest.run(KEEP)
    key = guest.root / "etc/ssh/ssh_host_a_key"
    first = key.read_text()
    assert first.startswith("host-keys ")
    key.unlink()
    guest.run(KEEP)
    assert key.read_text() == first
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_text("of the image")
    guest.run(KEEP)
    assert key.read_text() == "of the image"


def test_only_host_keys_come_from_their_place(guest: Guest) -> None:
    """Whoever has the disk can put anything there: sshd would run a file sshrc as root, and a link leads elsewhere."""
    (guest.root / "etc/ssh").mkdir(parents=True)
    (guest.root / "etc/secret").write_text("secret")
    guest.settings["persist_words"] = "ssh-host-keys"
    for name in ("persist", "image"):
        (guest.place / f"lists/{name}.list").write_text("")
    place = guest.root / "state/.claylinux/ssh-host-keys"
    place.mkdir(parents=True)
    for name in ("sshrc", "ssh_known_hosts", "ssh_host_a_key", "ssh_host_a_key.pub"):
        (place / name).write_text(name)
    (place / "ssh_host_b_key").symlink_to(guest.root / "etc/secret")
    guest.run(KEEP)
    assert sorted(path.name for path in (guest.root / "etc/ssh").iterdir()) == ["ssh_host_a_key", "ssh_host_a_key.pub"]


def test_owners_stay(guest: Guest) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    boot(guest, {"a": "1", "d": None})
    image = guest.root / APP[1:]
    assert (kept(guest) / "a").stat().st_uid == 0
    shutil.rmtree(guest.root / "state/persist")
    (guest.root / "state/.claylinux/seen.list").unlink()
    os.chown(image / "a", 12, 34)
    guest.run(KEEP)
    assert ((kept(guest) / "a").stat().st_uid, (kept(guest) / "a").stat().st_gid) == (12, 34)
