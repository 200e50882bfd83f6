"""When and in which order an installation does its steps, and whom it asks: the steps say that they were called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guest_programs import SHELLS, Guest
from tests.support.installed import idle, step


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return idle(tmp_path / "guest", request.param)


AUTO = """
is_installed() { [ "$here" = yes ]; }
wait_for_disk() { echo waits; }
announce() { echo "$*"; }
auto=yes
unattended; echo "code $? after $after rule $rule"
"""


@pytest.mark.parametrize(
    ("cmdline", "wanted", "here", "said"),
    [
        ("quiet", "no", "no", ["code 1 after  rule "]),
        ("quiet", "yes", "no", ["looking for the disk to install on: empty", "waits", "code 0 after reboot rule "]),
        ("quiet", "yes", "yes", ["code 1 after  rule "]),
        ("a claylinux.install=off b", "yes", "no", ["code 1 after  rule "]),
        ("claylinux.install=off claylinux.install=auto", "no", "no", [
            "looking for the disk to install on: empty", "waits", "code 0 after reboot rule "]),
        ("claylinux.install=serial=1", "no", "no", [
            "looking for the disk to install on: serial=1", "waits", "code 0 after reboot rule serial=1"]),
        ("claylinux.install=serial=1", "no", "yes", ["code 1 after  rule "]),
    ],
)  # fmt: skip
def test_when_nobody_asks(guest: Guest, cmdline: str, wanted: str, here: str, said: list[str]) -> None:
    (guest.place / "proc/cmdline").write_text(f"{cmdline}\n")
    assert step(guest, AUTO, here=here, install_auto=wanted).splitlines() == said


WORDS = """
install_system() {
  echo "auto=$auto rule=$rule wipe=$wipe yes=$yes after=$after from=$from to=$to list=$list"
  ls "$work"
}
install_usage() { echo usage; }
install_command %s; echo "code $? $(ls "$root/run")"
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "auto=no rule= wipe=no yes=no after= from= to= list=no"),
        ("--wipe --yes /dev/vda", "auto=no rule=/dev/vda wipe=yes yes=yes after= from= to= list=no"),
        ("--auto", "auto=yes rule= wipe=no yes=yes after= from= to= list=no"),
        ("--disks --reboot", "auto=no rule= wipe=no yes=no after=reboot from= to= list=yes"),
        ("--poweroff --from a --to b", "auto=no rule= wipe=no yes=no after=poweroff from=a to=b list=no"),
        ("--help --yse", "usage"),
        ("--from", "wrong"),
        ("--to", "wrong"),
        ("--yse", "wrong"),
        ("''", "wrong"),
        ("a b", "wrong"),
        ("a --to b", "wrong"),
    ],
)
def test_the_words_of_the_command(guest: Guest, words: str, said: str) -> None:
    found = step(guest, WORDS % words)
    if said in ("usage", "wrong"):
        assert found == f"usage\ncode {'0' if said == 'usage' else '2'} \n"
    else:
        assert found == f"{said}\ncode 0 claylinux-install.lock\n"


SYSTEM = """
unattended() { echo unattended; [ "$go" != no ]; }
find_medium() { echo medium; [ "$fails" != medium ]; }
show_disks() { echo disks; }
prepare_file() { echo file; [ "$fails" != file ]; }
ask_disk() { echo ask; }
choose_target() { echo "chosen:$1"; [ "$fails" != choose ]; }
check_target() { echo "check $1"; [ "$fails" != check ]; }
verify_medium() { echo verify; [ "$fails" != verify ]; }
plan_table() { echo "plan $1"; [ "$fails" != plan ]; }
confirm() { echo confirm; [ "$fails" != confirm ]; }
write_disk() { echo "write $1"; [ "$fails" != write ]; }
finish() { echo finish; }
install_system; echo "code $?"
"""
ALL = ("verify", "plan", "confirm", "write")


def written(target: str, last: str = "") -> list[str]:
    steps = [f"check {target}", "verify", f"plan {target}", "confirm", f"write {target}", "finish"]
    ends = next((number for number, each in enumerate(steps) if last and each.startswith(last)), None)
    return [*steps, "code 0"] if ends is None else [*steps[: ends + 1], "code 1"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ["medium", "ask", *written("chosen:empty")]),
        ({"yes": "yes", "rule": "/dev/x"}, ["medium", *written("chosen:/dev/x")]),
        ({"to": "f"}, ["medium", "file", *written("f")]),
        ({"to": "f", "fails": "file"}, ["medium", "file", "code 1"]),
        ({"auto": "yes", "yes": "yes"}, ["unattended", "medium", *written("chosen:empty")]),
        ({"auto": "yes", "go": "no"}, ["unattended", "code 0"]),
        ({"list": "yes"}, ["medium", "disks", "code 0"]),
        ({"fails": "medium"}, ["medium", "code 1"]),
        ({"fails": "choose"}, ["medium", "ask", "code 1"]),
        *(({"to": "f", "fails": each}, ["medium", "file", *written("f", each)]) for each in ("check", *ALL)),
    ],
)
def test_the_order_of_the_steps(guest: Guest, changed: dict[str, str], said: list[str]) -> None:
    assert step(guest, SYSTEM, **{"go": "", "fails": "", "list": "no"} | changed).splitlines() == said


END = """
sleep() { echo "sleep $1"; }
sync() { echo sync; }
reboot() { echo "now: reboot"; }
poweroff() { echo "now: poweroff"; }
target=/dev/vda
finish
"""


def test_what_follows(guest: Guest) -> None:
    done = "/dev/vda has the system"
    assert step(guest, END) == f"{done}: remove the medium, and reboot\n"
    assert step(guest, END, to="f", after="other") == f"{done}\n"
    for word in ("reboot", "poweroff"):
        assert step(guest, END, to="f", after=word).splitlines() == [
            done, f"{word} in 10 seconds", "sync", "sleep 10", f"now: {word}",
        ]  # fmt: skip


ASKED = """
size_shown() { echo "20 MiB"; }
holds() { echo DATA; }
target=/dev/vda
printf "$answer" | { confirm; echo "code $?"; }
"""


def test_who_is_asked(guest: Guest) -> None:
    told = "The system is copied from dev/sda to /dev/vda, which has 20 MiB and holds DATA.\n"
    ask, no = 'Write "yes" to go on: ', "claylinux: nothing was written\ncode 1\n"
    assert step(guest, ASKED, answer=r"yes\n") == f"{told}{ask}code 0\n"
    assert step(guest, ASKED, answer=r"y\n", wipe="yes") == f"{told}Everything on /dev/vda is lost.\n{ask}{no}"
    assert step(guest, ASKED, answer="") == f"{told}{ask}{no}"
    assert step(guest, ASKED, answer="", yes="yes") == "code 0\n"


WHICH = """
show_disks() { echo disks; }
fitting_disks() { for each in $fitting; do echo "$dev/$each"; done; }
printf "$answer" | { ask_disk; echo "$rule"; }
"""


@pytest.mark.parametrize(
    ("rule", "fitting", "answer", "said"),
    [
        ("/dev/x", "vda", "", "/dev/x"),
        ("", "vda", r"\n", "disks\n\nDisk to install on [/dev/vda]: /dev/vda"),
        ("", "vda", r"serial=1\n", "disks\n\nDisk to install on [/dev/vda]: serial=1"),
        ("", "vda vdb", r"/dev/vdb\n", "disks\n\nDisk to install on: /dev/vdb"),
        ("", "", r"\n", "disks\n\nDisk to install on: "),
    ],
)
def test_the_question_for_a_disk(guest: Guest, rule: str, fitting: str, answer: str, said: str) -> None:
    assert step(guest, WHICH, rule=rule, fitting=fitting, answer=answer) == f"{said}\n"


def test_a_file_is_made_as_large_as_it_has_to_be(guest: Guest) -> None:
    script = 'needed() { echo 21; }; prepare_file; echo "code $?"'
    place = guest.place / "file"
    assert step(guest, script, to=str(place)) == "code 0\n"
    assert place.stat().st_size == 21 << 20
    place.write_text("mine")
    assert step(guest, script, to=str(place)) == "code 0\n"
    assert place.read_text() == "mine"
    assert step(guest, script, to=str(guest.root)) == "claylinux: root is a directory: name a file in it\ncode 1\n"
    assert step(guest, script, to=f"{guest.place}/no/f") == "claylinux: no/f cannot be made\ncode 1\n"


def test_how_far_it_is(guest: Guest) -> None:
    """For a terminal there is a bar; elsewhere a line for every tenth, and for the last."""
    script = "for done in 1 2 3 16 30 31 32; do progress Copied $done 32; done"
    assert step(guest, script).splitlines() == [
        "Copied 3 % of 32 MiB", "Copied 50 % of 32 MiB", "Copied 93 % of 32 MiB", "Copied 100 % of 32 MiB",
    ]  # fmt: skip
