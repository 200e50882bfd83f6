"""What becomes of a version on trial, how one goes back by hand, and what `claylinux status` says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.engine import REPOSITORY
from tests.support.guest_programs import SHELLS
from tests.support.update_guest import Keys, UpdateGuest, Version
from tests.support.update_server import Shop

SCHEMA = json.loads((REPOSITORY / "docs/status.schema.json").read_text())
OLD = Version("1.4.0", (b"head" * 100, b"kernel" * 500))
NEW = Version("1.5.0", (b"HEAD" * 100, b"kernel" * 500))
LATER = replace(NEW, version="1.6.0")
SYSTEMD = """
mkdir -p $root/run/systemd/system
systemctl() {
  case "$*" in
  *emergency.target*) [ -e $proc/emergency ] ;;
  *is-failed*) [ -e $proc/failed ] ;;
  *is-active*multi-user.target) [ -e $proc/up ] ;;
  *is-active*) [ -e $proc/service-${3} ] ;;
  show*) printf 'Result=exit-code\\nExecMainStatus=1\\nActiveState=failed\\n' ;;
  list-units*) echo 'srv.mount loaded failed failed /srv' ;;
  esac
}
"""
COUNTED = """
efi_variable() { case $1 in LoaderBootCountPath-*) echo '\\EFI\\Linux\\web' ;; esac; }
boot_partition() { echo 1; }
sleep() { seconds_passed=$((seconds_passed + ${1%%.*})); }
seconds() { echo $((100 + seconds_passed)); }
seconds_passed=0
"""


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, keys: tuple[Keys, Keys], tmp_path: Path) -> UpdateGuest:
    return UpdateGuest(tmp_path / "guest", request.param, keys[0])


def health(guest: UpdateGuest, more: str = "") -> int:
    return guest.run(f"{COUNTED}{SYSTEMD}subject=update\n{more}\ndecide_health").code


def on_trial(guest: UpdateGuest, *, up: bool = True, count: str = "+2-1") -> None:
    OLD.put(guest.esp, guest.keys)
    guest.runs(NEW, count, installed=False)
    if up:
        (guest.place / "proc/up").touch()


def status(guest: UpdateGuest) -> dict[str, Any]:
    done = guest.run("json_versions")
    assert done.err == ""
    found = json.loads(f"{{{done.out.rstrip().rstrip(',')}}}")["update"]
    jsonschema.validate(found, SCHEMA["properties"]["update"])
    return found  # type: ignore[no-any-return]


def text(guest: UpdateGuest) -> dict[str, str]:
    done = guest.run("show_versions")
    assert done.err == ""
    return {line[:10].strip(): line[10:] for line in done.out.splitlines()}


def test_a_version_that_is_well(guest: UpdateGuest) -> None:
    on_trial(guest)
    guest.settings |= {"health_services": "nginx sshd", "health_command": "test -e /dev/null", "steady": "3"}
    for name in ("nginx", "sshd"):
        (guest.place / f"proc/service-{name}").touch()
    assert text(guest)["Entry"] == "updates:/EFI/Linux/web_1.5.0+2-1.efi, on trial (tries left: 2)"
    assert status(guest)["tries_left"] == 2
    assert (health(guest), guest.versions(), guest.reboots) == (0, ["web_1.5.0.efi"], 0)
    assert "web 1.5.0 is good" in guest.log
    found = status(guest)
    assert (found["entry"], found["tries_left"]) == ("updates:/EFI/Linux/web_1.5.0.efi", None)
    assert (found["next"], found["fallback"], found["last"]["result"]) == ("1.5.0", "1.4.0", "good")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("boot", "the boot did not come to multi-user.target"),
        ("emergency", "the system is in emergency mode: srv.mount"),
        ("service", "service nginx: failed exit-code 1"),
        ("service for good", "service nginx: failed exit-code 1"),
        ("command", "the command of `health` failed: oh"),
    ],
)
def test_a_version_that_is_not_well(guest: UpdateGuest, fault: str, reason: str) -> None:
    on_trial(guest, up=fault not in ("boot", "emergency"))
    if fault == "emergency":
        (guest.place / "proc/emergency").touch()
    if fault.startswith("service"):
        guest.settings["health_services"] = "nginx"
    if fault == "service for good":
        guest.settings["health_timeout"] = "1000000"  # nobody waits for it
        (guest.place / "proc/failed").touch()
    if fault == "command":
        guest.settings["health_command"] = "echo oh; false"
    health(guest)
    assert (guest.versions(), guest.reboots) == (["web_1.5.0+2-1.efi"], 2)  # the second is the one by force
    assert f"web 1.5.0 is not well: {reason}" in guest.log
    assert "rebooting, because web 1.5.0 is on trial" in guest.log
    (guest.updates / "EFI/Linux/web_1.5.0+2-1.efi").rename(guest.updates / "EFI/Linux/web_1.5.0+0-3.efi")
    guest.runs(OLD)
    (guest.place / "log").unlink()
    assert (health(guest), guest.reboots) == (0, 2)
    assert f"web 1.5.0: it was given up: {reason}. 1.4.0 runs" in guest.log
    found = status(guest)
    assert found["given_up"] == [f"1.5.0: it was given up: {reason}"]
    assert (found["next"], found["fallback"], found["last"]["result"]) == ("1.4.0", "1.5.0", "bad")
    assert text(guest)["Given up"] == f"1.5.0: it was given up: {reason}"


@pytest.mark.parametrize(("failures", "code", "version"), [(9, 0, "web_1.5.0.efi"), (10, 1, "web_1.5.0+2-1.efi")])
def test_a_disk_that_cannot_be_mounted_at_once(guest: UpdateGuest, failures: int, code: int, version: str) -> None:
    """Nobody else decides whether the version is good."""
    on_trial(guest)
    file = f"{guest.place}/attached"
    busy = f"""attach() {{
      why="it is busy"
      echo "$1" >>{file}
      [ "$(grep -c "$1" {file})" -gt {failures} ]
    }}"""
    assert (health(guest, busy), guest.versions(), guest.reboots) == (code, [version], 0)
    assert guest.log.count("it is busy") == (failures if code else 2 * failures)


def test_a_look_at_what_another_program_has_mounted(guest: UpdateGuest) -> None:
    """It may be gone before all is read."""
    guest.runs(OLD)
    mounts = f"""
      mounted() {{ echo x >>{guest.place}/looks; [ "$(wc -l <{guest.place}/looks)" -le $1 ]; }}
      attach() {{ echo attached; }}
      detach() {{ echo detached; }}
    """
    held = f"{mounts} mount_of() {{ ! mounted 2 || echo /dev/vda2 vfat; }}"
    lost = f"{mounts} mount_of() {{ ! mounted 3 || echo /dev/vda2 vfat; }}"
    assert guest.run(f"{held}\nlook_at_versions; echo $entry").out == "esp:/EFI/Linux/web_1.4.0.efi\n"
    assert guest.run(f"{lost}\nlook_at_versions; echo $entry").out.splitlines() == [
        "attached", "detached", "esp:/EFI/Linux/web_1.4.0.efi"
    ]  # fmt: skip


@pytest.mark.slow
def test_a_service_that_comes_and_goes(guest: UpdateGuest) -> None:
    """It has to stay for a while."""
    on_trial(guest)
    guest.settings |= {"health_services": "nginx", "steady": "10", "health_timeout": "40"}
    flaps = "is_active() { [ $((seconds_passed % 8)) -lt 6 ]; }"
    health(guest, flaps)
    assert guest.reboots == 2
    late = "is_active() { [ $seconds_passed -gt 20 ]; }"
    assert health(guest, late) == 0
    assert guest.versions() == ["web_1.5.0.efi"]


@pytest.mark.slow
def test_a_command_that_hangs(guest: UpdateGuest) -> None:
    on_trial(guest)
    guest.settings |= {"health_command": "sleep 60", "health_timeout": "1"}
    health(guest)
    assert guest.reboots == 2


def test_openrc(guest: UpdateGuest) -> None:
    on_trial(guest, up=False)
    guest.settings["health_services"] = "nginx"
    state = guest.place / "root/run/openrc"
    (state / "rc.starting").mkdir(parents=True)
    (state / "softlevel").write_text("default\n")
    (guest.place / "bin/rc-service").write_text('#!/bin/sh\necho " * status: crashed"\nexit 3\n')
    (guest.place / "bin/rc-service").chmod(0o755)
    assert guest.run("why=; is_well || echo $why").out == "the boot did not come to the end of the runlevel default\n"
    (state / "rc.starting").rmdir()
    assert guest.run("why=; is_well || echo $why").out == "service nginx: crashed\n"
    (guest.place / "bin/rc-service").write_text("#!/bin/sh\nexit 0\n")
    assert guest.run("is_well && echo well").out == "well\n"


def test_a_version_that_never_said_a_word(guest: UpdateGuest) -> None:
    NEW.put(guest.updates, guest.keys, "+0-3")
    guest.runs(OLD)
    guest.run("record 1.5.0 written 'it starts at the next reboot'")
    assert health(guest) == 0
    reason = "it was given up: it did not come up, and said nothing (tries: 3)"
    assert f"web 1.5.0: {reason}. 1.4.0 runs" in guest.log
    found = status(guest)
    assert found["given_up"] == [f"1.5.0: {reason}"]
    assert (found["last"]["version"], found["last"]["result"], found["last"]["text"]) == ("1.5.0", "bad", reason)


@pytest.mark.slow
@pytest.mark.parametrize(
    "note",
    [
        bytes(512),
        b"version 1.5.0\nresult bad\ntime 2026-01-31T12:00:00Z\ntext half of it",
        b"version 1.5.0\nresult b\0d\ntime 2026-01-31T12:00:00Z\ntext whole\n",
        b"version 1.5.0\nresult worse\ntime 2026-01-31T12:00:00Z\ntext whole\n",
    ],
)
def test_a_damaged_note_of_the_last_update(guest: UpdateGuest, note: bytes) -> None:
    """A power cut can leave any part of it, and what it was about is not known then."""
    NEW.put(guest.updates, guest.keys, "+0-3")
    guest.runs(OLD)
    (guest.updates / "claylinux/last").write_bytes(note)
    damaged = "its note is damaged, as by a power cut"
    found = status(guest)
    assert found["last"] == {"version": None, "result": None, "text": damaged, "time": None}
    assert found["given_up"] == ["1.5.0: it was given up: it did not come up, and said nothing (tries: 3)"]
    assert f"Update    {damaged}\n" in guest.run("show_versions").out
    guest.run("record 1.5.0 bad 'no service'")
    assert status(guest)["last"]["text"] == "no service"


def test_the_last_resort_does_not_reboot(guest: UpdateGuest) -> None:
    """The firmware did not count: somebody chose it, or nothing else is left."""
    on_trial(guest, up=False, count="+0-3")
    assert health(guest, "efi_variable() { :; }") == 1
    assert guest.reboots == 0


def test_a_machine_that_did_not_boot_from_a_disk(guest: UpdateGuest) -> None:
    guest.runs(OLD)
    missing = "find_places() { why='the machine did not boot from a disk'; return 1; }; boot_partition() { :; }"
    assert health(guest, missing) == 0
    done = guest.run(f"{missing}\nshow_versions; json_versions")
    assert done.out.startswith("Updates   none: the machine did not boot from a disk\n")
    assert '"problem": "the machine did not boot from a disk"' in done.out


def test_nothing_new_while_one_is_on_trial(guest: UpdateGuest, shop: Shop) -> None:
    on_trial(guest)
    guest.settings["update_from"] = shop.url
    LATER.publish(shop.root, guest.keys)
    done = guest.update()
    assert (done.code, done.err) == (
        1, "claylinux: 1.6.0: 1.5.0 is on trial: wait until it is good, see claylinux status\n"
    )  # fmt: skip


def test_a_version_that_was_given_up_is_not_tried_again(guest: UpdateGuest, shop: Shop) -> None:
    guest.runs(OLD)
    NEW.put(guest.updates, guest.keys, "+0-3")
    guest.settings["update_from"] = shop.url
    NEW.publish(shop.root, guest.keys)
    done = guest.update()
    assert done.code == 1
    assert "it was given up: it did not come up, and said nothing (tries: 3). To try it again, run" in done.err
    done = guest.update("--to", "1.5.0")
    assert (done.code, done.out) == (0, "web 1.5.0 is on this machine, and starts at the next reboot\n")
    assert (guest.versions(), shop.pieces) == (["web_1.5.0+3.efi"], [])


@pytest.mark.slow
def test_one_that_was_given_up_and_is_damaged_is_fetched_again(guest: UpdateGuest, shop: Shop) -> None:
    guest.runs(OLD)
    NEW.put(guest.updates, guest.keys, "+0-3").write_bytes(b"damaged")
    guest.settings["update_from"] = shop.url
    NEW.publish(shop.root, guest.keys)
    assert guest.update("--to", "1.5.0").code == 0
    assert guest.files()["EFI/Linux/web_1.5.0+3.efi"] == NEW.content


@pytest.mark.slow
def test_given_up_versions_are_remembered_when_their_file_goes(guest: UpdateGuest, shop: Shop) -> None:
    guest.runs(OLD)
    NEW.put(guest.updates, guest.keys, "+0-3")
    guest.settings["update_from"] = shop.url
    LATER.publish(shop.root, guest.keys)
    assert guest.update().code == 0
    assert guest.versions() == ["web_1.6.0+3.efi"]
    NEW.publish(shop.root, guest.keys)
    assert "it was given up" in guest.update().err
    NEW.publish(shop.root / "1.5.0", guest.keys)
    assert guest.update("--to", "1.5.0").code == 0
    assert guest.files()["claylinux/bad"] == b""


@pytest.mark.slow
def test_back_to_the_installed_version(guest: UpdateGuest, shop: Shop) -> None:
    on_trial(guest, count="")
    LATER.put(guest.updates, guest.keys, "+3")
    done = guest.update("--to", "1.4.0")
    assert (done.code, done.out) == (0, "web 1.4.0 is on this machine, and starts at the next reboot\n")
    assert guest.versions() == ["web_1.5.0+0.efi", "web_1.6.0+0.efi"]
    assert status(guest)["next"] == "1.4.0"
    guest.settings["update_from"] = shop.url
    guest.runs(OLD)
    NEW.publish(shop.root, guest.keys)
    assert "it was set aside here by --to" in guest.update().err  # the timer does not undo it
    assert guest.update("--to", "1.5.0").code == 0
    assert guest.versions() == ["web_1.5.0.efi", "web_1.6.0+0.efi"]


@pytest.mark.slow
def test_back_to_an_older_version_from_afar(guest: UpdateGuest, shop: Shop) -> None:
    replace(OLD, version="1.0").put(guest.esp, guest.keys)
    guest.runs(NEW, installed=False)
    guest.settings["update_from"] = shop.url
    OLD.publish(shop.root, guest.keys)
    assert "run claylinux update --to 1.4.0" in guest.update().err
    assert guest.update("--to", "1.4.0").code == 0
    assert guest.versions() == ["web_1.4.0+3.efi", "web_1.5.0+0.efi"]
    assert (status(guest)["next"], status(guest)["fallback"]) == ("1.4.0", "1.0")
    # It did not come up in the end: all is as it was.
    (guest.updates / "EFI/Linux/web_1.4.0+3.efi").rename(guest.updates / "EFI/Linux/web_1.4.0+0-3.efi")
    (guest.place / "proc/up").touch()
    assert health(guest) == 0
    assert guest.versions() == ["web_1.4.0+0-3.efi", "web_1.5.0.efi"]


@pytest.mark.slow
def test_the_installed_version_cannot_be_set_aside(guest: UpdateGuest, shop: Shop) -> None:
    guest.runs(NEW)
    guest.settings["update_from"] = shop.url
    OLD.publish(shop.root, guest.keys)
    done = guest.update("--to", "1.4.0")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "the installed version is newer, and always starts before it: install 1.4.0 instead" in done.err
    assert guest.versions() == []


@pytest.mark.slow
def test_thirty_versions_in_a_row(guest: UpdateGuest, shop: Shop) -> None:
    """Never more than two of them take space, beside the installed one."""
    guest.runs(OLD)
    guest.settings["update_from"] = shop.url
    for number in range(30):
        version = replace(NEW, version=f"2.{number}", parts=(f"{number}".encode() * 100, *NEW.parts))
        version.publish(shop.root, guest.keys)
        assert guest.update().code == 0
        assert len(guest.versions()) <= 2
        file = guest.updates / f"EFI/Linux/web_2.{number}+3.efi"
        file.rename(file.with_name(f"web_2.{number}.efi"))
        (guest.place / "root/etc/os-release").write_text(f"IMAGE_ID=web\nIMAGE_VERSION=2.{number}\n")
    assert len(guest.files()) == 2 * 3 + 1


@pytest.mark.slow
def test_the_service(guest: UpdateGuest) -> None:
    """It waits for its own moment, and reboots by the rule of the build file."""
    guest.runs(OLD)
    (guest.place / "root/etc/machine-id").write_text(f"{'5e' * 16}\n")
    (guest.place / "command").write_text(
        f'#!/bin/sh\necho "$*" >>{guest.place}/ran\ntouch {guest.place}/work/pending\n'
    )
    (guest.place / "command").chmod(0o755)
    script = (
        f"command={guest.place}/command\nsleep() {{ echo $1; [ $(($(wc -l <{guest.place}/ran) + 0)) -lt 2 ] || exit; }}"
    )
    for rule, reboots in (("manual", 0), ("auto", 1), ("00:00-24:00", 2)):
        guest.settings["update_reboot"] = rule
        (guest.place / "ran").write_text("")
        waits = guest.run(f"{script}\nserve").out.split()
        assert 10 <= int(waits[0]) < 3610
        assert waits[1:] == ["86400", "86400"]
        assert guest.reboots == reboots * 2 if reboots else guest.reboots == 0
    guest.settings["update_every"] = "0"
    assert guest.run("serve").code == 0


def test_moments(guest: UpdateGuest) -> None:
    script = "".join(f"echo {'0' * 31}{number:x} >$root/etc/machine-id; share 1000\n" for number in range(8))
    found = [int(line) for line in guest.run(script).out.split()]
    assert len(set(found)) > 5
    assert all(0 <= each < 1000 for each in found)


def test_windows(guest: UpdateGuest) -> None:
    windows = {
        ("03:00-05:00", "03:00"): True,
        ("03:00-05:00", "05:00"): False,
        ("03:00-05:00", "08:09"): False,
        ("23:30-01:00", "00:09"): True,
        ("23:30-01:00", "12:00"): False,
        ("23:30-01:00", "23:59"): True,
    }
    script = "".join(f"if in_window {window} {time}; then echo 1; else echo 0; fi\n" for window, time in windows)
    assert [line == "1" for line in guest.run(script).out.split()] == list(windows.values())
