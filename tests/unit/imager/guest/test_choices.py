"""What an installation decides, step by step: the other steps are replaced by what they would say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guest_programs import SHELLS, Guest
from tests.support.installed import SETTINGS


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    made = Guest(tmp_path / "guest", request.param, dict(SETTINGS))
    (made.place / "proc").mkdir()
    (made.root / "run").mkdir()
    return made


def step(guest: Guest, script: str, **settings: str) -> str:
    more = {"auto": "no", "wipe": "no", "yes": "no", "from": "", "to": "", "rule": "", "after": ""}
    more |= {"work": str(guest.place), "medium": f"{guest.place}/dev/sda"} | settings
    return guest.run(f"exec 2>&1\n{script}", **more).replace(f"{guest.place}/", "")


CHECK = """
sector_of() { echo "$sector"; }
in_use() { echo "$used"; }
is_large_enough() { [ "$large" = yes ]; }
is_free() { [ "$free" = yes ]; }
size_shown() { echo "20 MiB"; }
holds() { echo DATA; }
needed() { echo 21; }
check_target "$dev/$disk"; echo "code $?"
"""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"wipe": "yes", "free": "no"}, ""),
        ({"disk": "file", "sector": "4096", "used": "it"}, ""),
        ({"disk": "sda"}, "dev/sda is the medium with this system"),
        ({"disk": "sdr"}, "dev/sdr is read-only"),
        ({"sector": "4096"}, "dev/vda has sectors of 4096 bytes; the file system of the medium is for 512"),
        ({"sector": "511"}, "dev/vda has sectors of 511 bytes; the file system of the medium is for 512"),
        ({"used": "/dev/vda1 is swap space"}, "dev/vda is in use: /dev/vda1 is swap space"),
        ({"disk": "none"}, "dev/none is no disk: claylinux install --disks lists them"),
        ({"large": "no"}, "dev/vda is too small: it has 20 MiB, and 21 MiB are needed"),
        ({"free": "no"}, "dev/vda is not empty: it holds DATA. If that may be lost: --wipe"),
        ({"wipe": "yes", "large": "no"}, "dev/vda is too small: it has 20 MiB, and 21 MiB are needed"),
    ],
)
def test_whether_a_disk_may_be_written(guest: Guest, changed: dict[str, str], said: str) -> None:
    for name in ("sda", "sdr", "vda"):
        guest.disk(name, 1)
    (guest.place / "sys/block/sdr/ro").write_text("1\n")
    (guest.place / "dev/file").touch()
    facts = {"disk": "vda", "sector": "512", "used": "", "large": "yes", "free": "yes"} | changed
    assert step(guest, CHECK, **facts) == (f"claylinux: {said}\ncode 1\n" if said else "code 0\n")


@pytest.mark.parametrize(
    ("rule", "fitting", "said"),
    [
        ("empty", "vda", ["dev/vda", "code 0"]),
        ("serial=1", "vda", ["dev/vda", "code 0"]),
        ("wwid=1", "vda", ["dev/vda", "code 0"]),
        ("/dev/vda", "vda", ["dev/vda", "code 0"]),
        (
            "empty",
            "",
            [
                "claylinux: no disk is empty, unused and has 21 MiB: "
                "name one, with --wipe if what it holds may be lost",
                "code 1",
            ],
        ),
        ("/dev/vdb", "", ["claylinux: there is no disk /dev/vdb, apart from the medium", "code 1"]),
        ("empty", "vda vdb", ["claylinux: several disks fit, so none was taken: dev/vda dev/vdb ", "code 1"]),
        (
            "vda",
            "vda",
            [
                'claylinux: which disk is "vda"? Write /dev/..., serial=... or wwid=...: '
                "claylinux install --disks lists them",
                "code 1",
            ],
        ),
    ],
)
def test_which_disk_is_meant(guest: Guest, rule: str, fitting: str, said: list[str]) -> None:
    script = 'needed() { echo 21; }; fitting_disks() { for each in $fitting; do echo "$dev/$each"; done; }'
    assert step(guest, f'{script}\nchoose_target "{rule}"; echo "code $?"', fitting=fitting).splitlines() == said


def test_a_link_is_followed(guest: Guest) -> None:
    link = guest.place / "by-id"
    link.symlink_to("/dev/vdx")
    assert step(guest, f'fitting_disks() {{ echo "$1"; }}; choose_target "{link}"') == "/dev/vdx\n"


FITTING = """
disks() { echo sda; echo vda; echo vdb; echo vdc; }
in_use() { case $1 in *vdb) echo mounted ;; esac; }
is_free() { case $1 in *vdc) false ;; esac; }
is_large_enough() { [ "$large" = yes ]; }
is_wanted() { [ "$1 $2" = "vdc serial=1" ]; }
fitting_disks "$wanted"
"""


@pytest.mark.parametrize(
    ("wanted", "large", "said"),
    [
        ("empty", "yes", "dev/vda\n"),
        ("empty", "no", ""),
        ("serial=1", "no", "dev/vdc\n"),
        ("serial=2", "yes", ""),
    ],
)
def test_which_disks_fit(guest: Guest, wanted: str, large: str, said: str) -> None:
    assert step(guest, FITTING, wanted=wanted, large=large) == said


HOLDS = """
in_use() { echo "$used"; }
is_unfinished() { [ "$unfinished" = yes ]; }
table_of() { echo "$table"; }
is_empty() { [ "$empty" = yes ]; }
partitions() { printf "$rows"; }
holds "$dev/$disk"
"""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "nothing"),
        ({"disk": "sda", "used": "x"}, "the medium with this system"),
        ({"used": "/dev/vda is swap space", "unfinished": "yes"}, "in use: /dev/vda is swap space"),
        ({"unfinished": "yes", "table": "gpt"}, "an unfinished installation"),
        ({"empty": "no"}, "something without a partition table"),
        ({"table": "gpt"}, "an empty partition table"),
        ({"table": "dos", "rows": "1 2048 8 t g a b\n2 4096 8 t g -\n3 8192 8 t g c\n"}, "a b, a partition, c"),
    ],
)
def test_what_a_disk_holds(guest: Guest, changed: dict[str, str], said: str) -> None:
    facts = {"disk": "vda", "used": "", "unfinished": "no", "table": "", "empty": "yes", "rows": ""} | changed
    assert step(guest, HOLDS, **facts) == f"{said}\n"


def test_what_is_in_use(guest: Guest) -> None:
    guest.disk("vda", 1)
    facts, proc = guest.place / "sys/block/vda", guest.place / "proc"
    (proc / "mounts").write_text("/dev/vdb1 /x ext4\n/dev/vda2 /srv ext4 rw\n/dev/vda2 /y ext4\n")
    (facts / "vda2/holders").mkdir(parents=True)
    (facts / "vda3").mkdir()
    assert step(guest, 'in_use "$dev/vda"; in_use "$dev/vdc"') == "/dev/vda2 is mounted on /srv\n"
    (proc / "mounts").write_text("")
    assert step(guest, 'in_use "$dev/vda"') == ""
    (facts / "vda2/holders/dm-0").touch()
    assert step(guest, 'in_use "$dev/vda"') == "/dev/vda2 is part of dm-0\n"
    (proc / "swaps").write_text("Filename Type\n/dev/vda3 partition\n/dev/vda partition\n")
    assert step(guest, 'in_use "$dev/vda"') == "/dev/vda is swap space\n"


FREE = """
is_unfinished() { [ "$unfinished" = yes ]; }
table_of() { echo "$table"; }
is_empty() { [ "$empty" = yes ]; }
is_blank() { [ "$2" != "$used" ]; }
is_free "$dev/vda" && echo free || echo taken
"""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "free"),
        ({"table": "gpt"}, "taken"),
        ({"empty": "no"}, "taken"),
        ({"used": "2048"}, "taken"),
        ({"used": "40960"}, "taken"),
        ({"used": "40960", "updates_size": "0"}, "free"),
        ({"unfinished": "yes", "table": "gpt", "used": "2048"}, "free"),
    ],
)
def test_what_is_free(guest: Guest, changed: dict[str, str], said: str) -> None:
    facts = {"unfinished": "no", "table": "", "empty": "yes", "used": ""} | changed
    assert step(guest, FREE, **{"esp_start": "1", "updates_start": "20", "updates_size": "5"} | facts) == f"{said}\n"


BOOTED = """
boot_partition() { echo "$boot"; }
bytes_of_guid() { echo "bytes-of-$1"; }
medium_rows() { echo "$(printf %032d 0) bytes-of-$(cat "$1") 1 2"; }
modprobe() { :; }
booted_medium; echo "code $?"
"""


@pytest.mark.parametrize(
    ("boot", "disks", "said"),
    [
        ("g", {"sda": "x", "vda": "g", "loop0": "g", "dm-1": "g"}, ["dev/vda", "code 0"]),
        (
            "g",
            {"sda": "x", "zram0": "g"},
            [
                "claylinux: the partition g, from which the machine booted, is on no disk: "
                "after a boot over the network, name an image of this system with --from",
                "code 1",
            ],
        ),
        (
            "g",
            {"sda": "g", "vda": "g"},
            ["claylinux: the partition g, from which the machine booted, is on several: dev/sda dev/vda ", "code 1"],
        ),
        ("", {"sr0": "CLAYLINUX", "sr1": "OTHER", "sda": "CLAYLINUX"}, ["dev/sr0", "code 0"]),
        (
            "",
            {"sr0": "claylinux"},
            [
                "claylinux: a medium from which the machine booted is on no disk: after a boot over the network, "
                "name an image of this system with --from",
                "code 1",
            ],
        ),
        (
            "",
            {"sr0": "CLAYLINUX", "sr1": "CLAYLINUX"},
            ["claylinux: a medium from which the machine booted is on several: dev/sr0 dev/sr1 ", "code 1"],
        ),
    ],
)
def test_what_the_machine_booted_from(guest: Guest, boot: str, disks: dict[str, str], said: list[str]) -> None:
    """A CD says it in the field of its application."""
    for name, text in disks.items():
        (guest.place / "sys/block" / name).mkdir()
        at = 16 * 2048 + 446 if name.startswith("sr") else 0
        (guest.place / "dev" / name).write_bytes(bytes(at) + text.encode())
    (guest.place / "sys/block/sdz").mkdir()
    assert step(guest, BOOTED, boot=boot).splitlines() == said


def test_which_disks_are_our_installations(guest: Guest) -> None:
    script = 'boot_partition() { echo "$boot"; }; is_installed && echo yes || echo no'
    guids = ("11111111-2222-4333-8444-555555555555", "11111111-2222-5333-8444-555555555555", "")
    assert [step(guest, script, boot=each) for each in guids] == ["yes\n", "no\n", "no\n"]


@pytest.mark.parametrize(
    ("update", "space", "layers", "said"),
    [
        ("web", "", "0", "21 75"),
        ("web", "0", "3", "24 75"),
        ("web", str(100 << 20), "0", "21 100"),
        ("web", str(63 << 20), "0", "21 64"),
        ("web", str(64 << 20), "0", "21 64"),
        ("web", str((65 << 20) + 5), "0", "21 65"),
    ],
)
def test_how_much_versions_get(guest: Guest, update: str, space: str, layers: str, said: str) -> None:
    facts = {"esp_start": "1", "esp_size": "20", "layers_size": layers, "update_name": update, "update_space": space}
    assert step(guest, 'plan_updates; echo "$updates_start $updates_size"', **facts) == f"{said}\n"


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
        ("claylinux.install=serial=1", "no", "yes", ["code 1 after  rule serial=1"]),
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
