"""Which medium and which disk an installation takes: the other steps are replaced by what they would say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guest_programs import GUEST, SHELLS, Guest
from tests.support.installed import idle, step


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return idle(tmp_path / "guest", request.param)


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
has_system() { [ "$copied" = yes ]; }
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
        ({"copied": "yes", "table": "gpt", "rows": "1 2048 8 t g EFI\n"}, "this system"),
        ({"empty": "no"}, "something without a partition table"),
        ({"table": "gpt"}, "an empty partition table"),
        ({"table": "dos", "rows": "1 2048 8 t g a b\n2 4096 8 t g -\n3 8192 8 t g c\n"}, "a b, a partition, c"),
    ],
)
def test_what_a_disk_holds(guest: Guest, changed: dict[str, str], said: str) -> None:
    facts = {
        "disk": "vda",
        "used": "",
        "unfinished": "no",
        "copied": "no",
        "table": "",
        "empty": "yes",
        "rows": "",
    } | changed
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
has_system() { [ "$copied" = yes ]; }
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
    facts = {"unfinished": "no", "copied": "no", "table": "", "empty": "yes", "used": ""} | changed
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
    ("cmdline", "auto", "here", "said"),
    [
        ("quiet", "yes", "no", "yes"),
        ("quiet", "yes", "yes", "no"),
        ("quiet", "no", "no", "no"),
        ("quiet", "", "no", "no"),
        ("claylinux.install=auto", "no", "no", "yes"),
        ("claylinux.install=auto", "no", "yes", "no"),
        ("claylinux.install=auto", "", "no", "no"),
        ("claylinux.install=off", "yes", "no", "no"),
    ],
)
def test_a_boot_that_installs_has_no_state(guest: Guest, cmdline: str, auto: str, here: str, said: str) -> None:
    """Nor is it a problem that there is none."""
    (guest.place / "proc/cmdline").write_text(f"{cmdline}\n")
    (guest.place / "proc/mounts").write_text("")
    script = f'is_installed() {{ [ "{here}" = yes ]; }}; installs_itself && echo yes || echo no; state_problem'
    assert step(guest, script, install_auto=auto, said="/dev/null") == {
        "yes": "yes\n", "no": "no\nit is not mounted\n"
    }[said]  # fmt: skip


SPACE = f"""
. {GUEST}/update/index.sh
attach_medium() {{ mkdir -p "$1/claylinux"; printf 'name web\\nspace %s\\n' "$space" >"$1/claylinux/web.pieces"; }}
detach_medium() {{ echo detached; }}
is_signed() {{ [ "$signed" = yes ]; }}
refuse() {{ echo "$*"; }}
plan_updates && echo "$updates_start $updates_size"
"""


@pytest.mark.parametrize(
    ("space", "layers", "signed", "said"),
    [
        (f"{64 << 20}", "0", "yes", "21 64"),
        (f"{9000 << 20}", "3", "yes", "24 9000"),
        (f"{64 << 20}", "0", "no", "is damaged, or not ours: its index is not signed by a key of this system"),
        ("", "0", "yes", "is damaged, or not ours: its index does not say how much space new versions get"),
        ("64M", "0", "yes", "is damaged, or not ours: its index does not say how much space new versions get"),
        ("0", "0", "yes", "is damaged, or not ours: its index does not say how much space new versions get"),
    ],
)
def test_how_much_versions_get(guest: Guest, space: str, layers: str, signed: str, said: str) -> None:
    facts = {"esp_start": "1", "esp_size": "20", "layers_size": layers, "update_name": "web"}
    told = step(guest, SPACE, space=space, signed=signed, ours="", **facts)
    assert told == f"detached\n{'' if said[0].isdigit() else 'dev/sda '}{said}\n"
