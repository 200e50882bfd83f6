"""`claylinux update` with a web server: it writes the new version, or leaves the machine as it was and says why."""

from __future__ import annotations

import hashlib
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.guest_programs import SHELLS
from tests.support.update_guest import ARCHITECTURE, Keys, UpdateGuest, Version, sign
from tests.support.update_server import Shop

_BYTES = random.Random(1).randbytes
HEAD, KERNEL, BASE, TAIL = _BYTES(700), _BYTES(300_001), _BYTES(200_000), _BYTES(5_000)
OLD = Version("1.4.0", (HEAD, 324, KERNEL, BASE, 3, TAIL))
NEW = Version("1.5.0", (_BYTES(700), 324, KERNEL, BASE, 3, _BYTES(6_000), 100))


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, keys: tuple[Keys, Keys], tmp_path: Path, shop: Shop) -> UpdateGuest:
    made = UpdateGuest(tmp_path / "guest", request.param, keys[0], {"update_from": shop.url})
    made.runs(OLD)
    return made


def is_written(guest: UpdateGuest, version: Version) -> None:
    files = guest.files()
    assert files[f"EFI/Linux/web_{version.version}+3.efi"] == version.content
    assert files[f"claylinux/web_{version.version}.pieces"] == version.index.encode()
    assert f"claylinux/web_{version.version}.pieces.sig" in files
    assert b"result written\n" in files["claylinux/last"]
    assert not [name for name in files if name.endswith((".new", ".part"))]


def test_only_what_changed_is_fetched(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    done = guest.update(more="trap '' PIPE")  # as in services of systemd
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"writing web 1.5.0: 7 kB of 507 kB come from {shop.url}\n")
    is_written(guest, NEW)
    first, *_, last = NEW.pieces
    assert shop.pieces == [first, last]
    fetched = int(done.out.partition(" bytes fetched")[0].rpartition("(")[2])
    assert 6_700 < fetched < 12_000
    assert "500001 copied" in done.out
    assert "web 1.5.0 is written" in guest.log
    assert guest.update().out == "web 1.5.0 is there already, and starts at the next reboot\n"
    assert guest.versions() == ["web_1.5.0+3.efi"]


def test_a_server_that_never_comes_to_the_end(guest: UpdateGuest, shop: Shop) -> None:
    """Nor does it go on in the middle: what was there before is no progress."""
    NEW.publish(shop.root, guest.keys)
    shop.faults.cut, shop.faults.no_ranges = "update.pieces", True
    done = guest.update()
    assert (done.code, guest.versions()) == (1, [])
    assert "update.pieces: " in done.err
    assert len(shop.asked) == 6


@pytest.mark.slow
def test_what_is_copied_is_checked(guest: UpdateGuest, shop: Shop) -> None:
    """The index beside a file can be wrong, and so can the file."""
    NEW.publish(shop.root, guest.keys)
    file = guest.esp / "EFI/Linux/web_1.4.0.efi"
    file.write_bytes(file.read_bytes()[:1024] + b"another kernel" + file.read_bytes()[1038:])
    assert guest.update().code == 0
    is_written(guest, NEW)
    assert shop.pieces == [digest for digest in NEW.pieces if NEW.pieces[digest] != BASE]


def test_check(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    done = guest.update("--check")
    assert (done.code, done.out, guest.files()) == (3, "web 1.5.0 is there, and 1.4.0 runs\n", {})
    OLD.publish(shop.root, guest.keys)
    for words in (("--check",), ()):
        done = guest.update(*words)
        assert (done.code, done.out, guest.files()) == (0, "web 1.4.0 is what runs already\n", {})
    assert "result current" in (guest.place / "work/last").read_text()


@pytest.mark.slow
def test_now(guest: UpdateGuest, shop: Shop) -> None:
    OLD.publish(shop.root, guest.keys)
    assert (guest.update("--now").code, guest.reboots) == (0, 0)
    NEW.publish(shop.root, guest.keys)
    assert (guest.update("--now").code, guest.reboots) == (0, 1)
    assert (guest.update("--now").code, guest.reboots) == (0, 2)  # it is there, and only has to start


@pytest.mark.parametrize("words", [("--to",), ("--what",), ("--to", "a/b"), ("--check", "--to", "1"), ("1.5.0",)])
@pytest.mark.slow
def test_wrong_usage(guest: UpdateGuest, words: tuple[str, ...]) -> None:
    done = guest.update(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(("usage: claylinux update", "claylinux: a/b is no version\n"))


def test_from_a_directory(guest: UpdateGuest, shop: Shop, tmp_path: Path) -> None:
    guest.settings["update_channel"] = "stable"
    NEW.publish(tmp_path / "stick", guest.keys)
    assert guest.update("--from", f"{tmp_path}/stick").code == 0
    is_written(guest, NEW)
    assert shop.asked == []


@pytest.mark.slow
def test_channels_and_versions_are_directories(guest: UpdateGuest, shop: Shop) -> None:
    guest.settings["update_channel"] = "stable"
    replace(NEW, channel="stable").publish(shop.root / "stable", guest.keys)
    replace(NEW, version="1.6.0").publish(shop.root / "1.6.0", guest.keys)
    assert guest.update().code == 0
    assert guest.update("--to", "1.6.0").code == 0
    assert guest.versions() == ["web_1.6.0+3.efi"]


@pytest.mark.slow
def test_rotation_of_keys(guest: UpdateGuest, keys: tuple[Keys, Keys], shop: Shop) -> None:
    (guest.place / "ours/update.pem").write_text(keys[0].public.read_text() + keys[1].public.read_text())
    NEW.publish(shop.root, keys[1])
    assert guest.update().code == 0


def whole_files(guest: UpdateGuest) -> dict[str, bytes]:
    """Return all files but beginnings."""
    return {name: content for name, content in guest.files().items() if not name.endswith((".new", ".part"))}


def refuse(guest: UpdateGuest, reason: str, *words: str, more: str = "") -> None:
    """The command fails with one line, and the machine is as it was."""
    before = whole_files(guest)
    done = guest.update(*words, more=more)
    assert (done.code, done.err.count("\n")) == (1, 1), done.err
    assert reason in done.err
    assert whole_files(guest) == before
    assert "result failed" in (guest.place / "work/last").read_text()
    assert reason in guest.log


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (replace(NEW, name="mail"), "what is there is for the name mail, and this system is web"),
        (replace(NEW, architecture="riscv64"), f"for the architecture riscv64, and this system is {ARCHITECTURE}"),
        (replace(NEW, channel="beta"), "for the channel beta, and this system is stable"),
        (
            replace(NEW, version="1.3.0"),
            "it is older than 1.4.0, which runs: to go back, run claylinux update --to 1.3.0",
        ),
        (replace(NEW, version="1.4.0~rc1"), "it is older than 1.4.0"),
    ],
)
@pytest.mark.slow
def test_versions_for_others(guest: UpdateGuest, shop: Shop, version: Version, reason: str) -> None:
    version.publish(shop.root, guest.keys)
    guest.settings["update_channel"] = "stable"
    guest.settings["update_from"] = f"{shop.url}/"
    shutil.copytree(shop.root, shop.root / "stable")
    refuse(guest, reason)


@pytest.mark.slow
def test_signatures(guest: UpdateGuest, keys: tuple[Keys, Keys], shop: Shop) -> None:
    NEW.publish(shop.root, keys[1])
    refuse(guest, "has no signature by a key of this system")
    NEW.publish(shop.root, keys[0])
    (shop.root / "update.pieces").write_text(NEW.index.replace("1.5.0", "1.6.0"))
    refuse(guest, "has no signature by a key of this system")
    (shop.root / "update.pieces.sig").unlink()
    refuse(guest, "update.pieces.sig: there is no such file")
    (guest.place / "ours/update.pem").write_text("")
    NEW.publish(shop.root, keys[0])
    refuse(guest, "has no signature by a key of this system")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("claylinux-update 1", "claylinux-update 2", "line 1: not an index of the form 1"),
        ("version 1.5.0", "version 1.5/../0", "line 3: not a version"),
        ("version 1.5.0", "version 1.5.0\nversion 1.6.0", "line 4: a second version"),
        ("size ", "bytes ", "it has no size"),
        ("size ", "size 1", "its pieces"),
        ("piece ", "piece x", "not a piece"),
        (" 1024 300001", " 1023 300001", ""),
        (" 1024 300001", " 600 300001", "a piece that begins in the one before"),
    ],
)
@pytest.mark.slow
def test_forms_of_the_index(guest: UpdateGuest, shop: Shop, old: str, new: str, problem: str) -> None:
    index = NEW.index.replace(old, new)
    assert index != NEW.index
    if problem == "its pieces":
        index = NEW.index.replace(f"size {len(NEW.content)}", "size 5")
    NEW.publish(shop.root, guest.keys, index=index)
    refuse(guest, problem or "what was written is not what its index says")


@pytest.mark.slow
def test_other_keys_of_the_index_are_for_later_versions(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys, index=NEW.index + "later words of any kind\n")
    assert guest.update().code == 0


@pytest.mark.slow
def test_wrong_bytes_on_the_wire(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    changed = next(iter(NEW.pieces))
    for fault in ("flip", "short"):
        setattr(shop.faults, fault, changed)
        refuse(guest, f"the piece {changed} arrived damaged, 2 times")
        setattr(shop.faults, fault, "update.pieces.sig")
        refuse(guest, "has no signature by a key of this system")
        setattr(shop.faults, fault, "")
    shop.faults.endless = changed
    refuse(guest, "it is larger than the 700 bytes that it may have")
    shop.faults.endless = "update.pieces"
    refuse(guest, "it is larger than the 1048576 bytes that it may have")
    shop.faults.endless = ""
    assert guest.update().code == 0
    is_written(guest, NEW)


@pytest.mark.parametrize("no_ranges", [False, True])
@pytest.mark.slow
def test_connections_that_end(guest: UpdateGuest, shop: Shop, no_ranges: bool) -> None:
    other = replace(NEW, parts=(*NEW.parts, _BYTES(100_000)))
    other.publish(shop.root, guest.keys)
    large = list(other.pieces)[-1]
    shop.faults.cut, shop.faults.cuts, shop.faults.no_ranges = large, 2, no_ranges
    assert guest.update().code == 0
    is_written(guest, other)
    starts = [start for path, start in shop.asked if large in path]
    assert starts == ([0, 0, 0] if no_ranges else [0, 50_000, 75_000])


@pytest.mark.slow
def test_a_server_that_goes_away(guest: UpdateGuest, shop: Shop) -> None:
    """What had arrived is used by the next attempt."""
    other = replace(NEW, parts=(*NEW.parts, _BYTES(100_000)))
    other.publish(shop.root, guest.keys)
    large = list(other.pieces)[-1]
    shop.faults.cut, shop.faults.cuts, shop.faults.gone = large, 4, large
    refuse(guest, "Empty reply from server")
    shop.faults.gone = ""
    shop.asked.clear()
    assert guest.update().code == 0
    is_written(guest, other)
    assert shop.pieces == [large]
    assert shop.asked[-1][1] > 90_000


@pytest.mark.slow
def test_servers_that_answer_no(guest: UpdateGuest, shop: Shop) -> None:
    refuse(guest, "/update.pieces: there is no such file")
    NEW.publish(shop.root, guest.keys)
    for status, reason in ((403, "does not allow it"), (404, "no such file"), (418, "answered 418")):
        shop.faults.statuses = {"update.pieces": [status]}
        refuse(guest, reason)
    shop.faults.statuses = {"update.pieces": [503] * 6}
    refuse(guest, "127.0.0.1 has a problem: it answered 503")
    shop.faults.statuses = {"update.pieces": [429, 500, 503], "/pieces/": [502]}
    assert guest.update().code == 0
    guest.settings["update_from"] = "http://127.0.0.1:1"
    refuse(guest, "Failed to connect")


@pytest.mark.slow
def test_logins(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    shop.faults.login = "machine:secret"
    refuse(guest, f"127.0.0.1 wants a login, or another one: give it in {guest.place}/netrc")
    (guest.place / "netrc").write_text("machine 127.0.0.1 login machine password wrong\n")
    refuse(guest, "wants a login")
    (guest.place / "netrc").write_text("machine 127.0.0.1 login machine password secret\n")
    assert guest.update().code == 0


@pytest.mark.parametrize("address", ["ftp://127.0.0.1", "https:/files.example", "http://", ""])
@pytest.mark.slow
def test_addresses(guest: UpdateGuest, address: str) -> None:
    guest.settings["update_from"] = address
    done = guest.update()
    assert done.code == 1
    assert any(words in done.err for words in ("only https:// is asked", "no such directory", "has no `update:"))


def test_plain_http_is_on_request(guest: UpdateGuest) -> None:
    """And nobody else hears a password."""
    script = """
      ask_all() {
        for url in http://10.0.2.2:5/a http://10.0.2.3/a; do if may_ask $url; then echo yes; else echo no; fi; done
      }
      for from in https://a http://10.0.2.2/b oci+http://10.0.2.2:5/b oci://10.0.2.2/b; do
        plain_host=; open_source $from; ask_all | tr "\\n" " "; echo ${api-}; done
    """
    assert guest.run(script).out.splitlines() == [
        "no no ", "yes no ", "yes no http://10.0.2.2:5/v2/b", "no no https://10.0.2.2/v2/b"
    ]  # fmt: skip


@pytest.mark.slow
def test_a_proxy(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    guest.settings |= {"update_from": "http://localhost:1/files", "update_proxy": shop.url, "update_rate": "90M"}

    def answer(handler: Any) -> bool:  # a proxy is asked with the whole address
        handler.path = handler.path.removeprefix("http://localhost:1/files")
        return False

    shop.answer = answer
    assert guest.update().code == 0


@pytest.mark.slow
def test_no_room(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    refuse(guest, "UPDATES has no room: 1 MiB are needed, and 0 MiB are free", more="free_bytes() { echo 500000; }")
    assert shop.pieces == []
    full = "tee() { command tee /dev/full; }"
    refuse(guest, "it cannot be written: UPDATES is full, or damaged", more=f"{full}\ncopy_piece() {{ false; }}")
    assert guest.update().code == 0


def test_turned_off(guest: UpdateGuest) -> None:
    (guest.place / "proc/cmdline").write_text("quiet claylinux.update=off panic=30\n")
    refuse(guest, "updates are off on this machine, by claylinux.update=off")
    assert guest.update("--serve").code == 0


@pytest.mark.slow
def test_a_disk_that_lies(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    lie = 'sync() { [ ! -e "$new" ] || echo x >>"$new"; }'
    refuse(guest, "what was written is not what its index says: the disk, or the index, is damaged", more=lie)
    assert guest.versions() == []


def test_one_at_a_time(guest: UpdateGuest) -> None:
    done = guest.run("mkdir -p $work; exec 8>$work/lock; flock -n 8; (update_command)")
    assert (done.code, done.err) == (1, "claylinux: another update is under way\n")


@pytest.mark.slow
def test_power_cuts(guest: UpdateGuest, shop: Shop) -> None:
    """Whenever it happens, all other versions are whole, and the next attempt succeeds."""
    chance = random.Random(7)
    good = replace(OLD, version="1.4.5")
    kept = good.put(guest.updates, guest.keys)
    for number in range(5):
        version = replace(NEW, version=f"1.{number + 5}.0", parts=(*NEW.parts, chance.randbytes(300_000)))
        shutil.rmtree(shop.root)
        version.publish(shop.root, guest.keys)
        for _ in range(2):
            guest.cut("update_command", chance.random() * 0.5)
            for name in guest.versions():
                if name.startswith(f"web_{version.version}") and name.endswith(".efi"):
                    # An empty file is a name for what comes.
                    assert (guest.updates / "EFI/Linux" / name).read_bytes() in {b"", version.content}
            assert kept.read_bytes() == good.content
        assert guest.update().code == 0
        assert guest.versions() == [kept.name, f"web_{version.version}+3.efi"]
        assert hashlib.sha256((guest.updates / f"EFI/Linux/web_{version.version}+3.efi").read_bytes()).hexdigest() in (
            version.index
        )


@pytest.mark.slow
def test_a_beginning_that_is_damaged(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    place = guest.updates / "EFI/Linux"
    place.mkdir(parents=True)
    last = list(NEW.pieces)[-1]
    (place / "web_1.5.0.new").write_bytes(NEW.content[:1024] + bytes(400_000))
    (place / f"{last}.part").write_bytes(b"x" * 6_000)
    (place / f"{'0' * 64}.part").write_bytes(b"x")
    (place / "web_1.4.9.new").write_bytes(b"x")
    assert guest.update().code == 0
    is_written(guest, NEW)
    assert shop.pieces == [last]


def test_the_signed_version_is_the_one_that_is_wanted(guest: UpdateGuest, shop: Shop) -> None:
    """A server cannot give another version for the one that is asked for."""
    NEW.publish(shop.root / "1.6.0", guest.keys)
    refuse(guest, "what is there is for the version 1.5.0, and this system is 1.6.0", "--to", "1.6.0")


@pytest.mark.slow
def test_signatures_are_over_the_whole_index(guest: UpdateGuest, shop: Shop) -> None:
    NEW.publish(shop.root, guest.keys)
    sign(shop.root / "update.pieces", NEW.index + "#\n" * (1 << 20), guest.keys)
    refuse(guest, "it is larger than the 1048576 bytes")


@pytest.mark.parametrize("signal", ["HUP", "INT", "TERM"])
def test_somebody_ends_it(guest: UpdateGuest, signal: str) -> None:
    """The places do not stay mounted."""
    script = f"detach() {{ echo detached; }}\nupdate() {{ kill -{signal} $$; command sleep 0.2; echo on; }}"
    done = guest.update(more=script)
    assert (done.code, done.out) == (1, "detached\n")
