"""Single steps of installing, updating and telling, at their borders."""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import pytest

from imager.disk import gpt
from tests.support.guest_programs import ESP_GUID, GUEST, MIB, SHELLS, Guest
from tests.support.installed import SETTINGS

UPDATE = "\n".join(f". {part}" for part in sorted((GUEST / "update").glob("*.sh")))


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    made = Guest(tmp_path / "guest", request.param, dict(SETTINGS))
    (made.place / "proc").mkdir()
    return made


def steps(guest: Guest, script: str, **settings: str) -> str:
    more = {"auto": "no", "wipe": "no", "from": "", "work": str(guest.place), "medium": ""} | settings
    return guest.run(f"exec 2>&1\n{script}", **more).replace(f"{guest.place}/", "")


@pytest.mark.parametrize(
    ("size", "mib", "amount"),
    [
        (0, "0", "0 kB"),
        (524288, "0", "524 kB"),
        (524289, "1", "524 kB"),
        (1048575, "1", "1049 kB"),
        (1048576, "1", "1 MiB"),
        (1 << 40, "1048576", "1048576 MiB"),
    ],
)
def test_sizes(guest: Guest, size: int, mib: str, amount: str) -> None:
    assert steps(guest, f"{UPDATE}\nmib {size}; echo; amount {size}") == f"{mib}\n{amount}"


def test_small_texts(guest: Guest) -> None:
    assert (
        steps(guest, 'mib ""; row A ""; row System b; row Longer-than-that c') == "0System    b\nLonger-than-that c\n"
    )
    for sectors, shown in ((2048, "1 MiB"), (2048 * 1024 - 2048, "1023 MiB"), (2048 * 1024, "1.0 GiB")):
        assert steps(guest, f'sectors_of() {{ echo {sectors}; }}; size_shown "$dev/vda"') == shown
    said = 'secure_boot() { echo "$how"; }; device=/dev/vda1; booted'
    assert [steps(guest, said, how=how) for how in ("on", "off", "")] == [
        "/dev/vda1, checked by Secure Boot\n",
        "/dev/vda1, checked by nobody: Secure Boot is off\n",
        "/dev/vda1, checked by nobody: the firmware has no Secure Boot\n",
    ]


@pytest.mark.parametrize(
    ("esp", "layers", "updates", "most"), [(20, 0, (0, 0), 22), (20, 3, (0, 0), 25), (20, 0, (21, 70), 92)]
)
def test_how_much_of_a_disk_is_needed(guest: Guest, esp: int, layers: int, updates: tuple[int, int], most: int) -> None:
    start, size = map(str, updates)
    facts = {"esp_start": "1", "esp_size": str(esp), "layers_size": str(layers)}
    facts |= {"updates_start": start, "updates_size": size}
    assert steps(guest, "needed", **facts) == f"{most}\n"
    for sectors, fits in ((most * 2048 - 1, "no"), (most * 2048, "yes")):
        script = f'sectors_of() {{ echo {sectors}; }}; is_large_enough "$dev/vda" && echo yes || echo no'
        assert steps(guest, script, **facts) == f"{fits}\n"


def medium(guest: Guest, *firsts: int, size: int = 4096) -> str:
    """Make a medium with EFI partitions of so many sectors, and what a FAT has at the end of its first sector."""
    parts = [gpt.Partition(gpt.ESP_TYPE, uuid.UUID(ESP_GUID), "EFI", first, first + size - 1) for first in firsts]
    tables = gpt.tables(sectors=16384, partitions=parts, disk=uuid.UUID(int=6))
    with guest.disk("sda", 8).open("r+b") as file:
        file.write(tables.head)
        for first in firsts:
            file.seek(first * 512 + 510)
            file.write(b"\x55\xaa")
    return f"{guest.place}/dev/sda"


FIND = 'find_medium && echo "${medium##*/} $esp_start $esp_size $layers_size $updates_start $updates_size"'


def test_what_is_found_on_a_medium(guest: Guest) -> None:
    place = medium(guest, 2048)
    assert steps(guest, FIND, **{"from": place}) == "sda 1 2 0 0 0\n"
    assert steps(guest, f'booted_medium() {{ echo "{place}"; }}; {FIND}') == "sda 1 2 0 0 0\n"
    assert steps(guest, f'booted_medium() {{ echo "{place}"; return 1; }}; {FIND}') == ""
    assert steps(guest, FIND, **{"from": "/none"}) == "claylinux: there is no /none\n"
    with Path(place).open("r+b") as file:
        file.seek(2048 * 512 + 510)
        file.write(b"\x55\xab")
    assert "has no file system, or cannot be read" in steps(guest, FIND, **{"from": place})


@pytest.mark.parametrize(("firsts", "size"), [((), 0), ((2048, 8192), 4096), ((2049,), 4096), ((2048,), 4097)])
def test_what_is_no_medium(guest: Guest, firsts: tuple[int, ...], size: int) -> None:
    place = medium(guest, *firsts, size=size)
    told = "is no medium of Claylinux: it has not one EFI partition at a whole MiB"
    assert steps(guest, FIND, **{"from": place}) == f"claylinux: dev/sda {told}\n"


def test_a_table_takes_the_first_and_last_sectors_only(guest: Guest) -> None:
    """What is between belongs to others, so it may differ from the file."""
    rest = random.Random(3).randbytes(2 * MIB)
    table, disk = guest.place / "table", guest.disk("vda", 2)
    table.write_bytes(b"t" * 2 * MIB)
    disk.write_bytes(rest)
    assert steps(guest, 'put_table "$dev/vda"; echo $?', total="4096") == "0\n"
    assert disk.read_bytes() == b"t" * 34 * 512 + rest[34 * 512 : -33 * 512] + b"t" * 33 * 512
    order = steps(guest, 'put() { echo "$3 $4"; }; put_table "$dev/vda"', total="4096")
    assert order == "4063 33\n2 32\n0 1\n1 1\n", "the header comes last"
    for at in (0, 33, 4063, 4095):
        disk.write_bytes(b"t" * 2 * MIB)
        with disk.open("r+b") as file:
            file.seek(at * 512 + 511)
            file.write(b"x")
        said = steps(guest, 'put() { :; }; put_table "$dev/vda" || echo "code $?"', total="4096")
        assert said == "claylinux: dev/vda does not give back its partition table: it is damaged\ncode 1\n"


@pytest.mark.parametrize(
    ("kind", "last", "fits"), [("registry", 3, 1), ("registry", 2, 0), ("registry", 4, 0), ("web", 9, 1)]
)
def test_a_registry_has_a_layer_for_each_piece_and_the_index(guest: Guest, kind: str, last: int, fits: int) -> None:
    pieces = "".join(f"piece {digest * 64} {at} 10\n" for at, digest in ((0, "a"), (10, "b"), (20, "a")))
    (guest.place / "index").write_text(f"claylinux-update 1\n{pieces}")
    said = steps(guest, f'{UPDATE}\nwhy=""; fits_index || echo "$why"', kind=kind, last=str(last), image="oci://x")
    assert said == ("" if fits else "oci://x: its layers are not those of its index: push it again\n")


TRY = """
flush_disk() {{ :; }}
entry_of() {{ case $1 in 1) echo "{own}" ;; *) echo "{other}" ;; esac; }}
is_bad() {{ false; }}
put_version() {{ echo written; }}
why=""; install_version; echo "$? $why"
"""


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        ("updates 1 - - f", "", "written\n0 \n"),
        ("updates 1 2 0 f", "", "written\n0 \n"),
        ("updates 1 2 1 f", "", "1 1 is on trial: wait until it is good, see claylinux status\n"),
        ("updates 1 0 3 f", "", "1 1 is on trial: wait until it is good, see claylinux status\n"),
        ("", "", "written\n0 \n"),
        ("", "updates 2 3 0 f", "web 2 is there already, and starts at the next reboot\n0 \n"),
    ],
)
def test_whether_a_version_is_written(guest: Guest, own: str, other: str, said: str) -> None:
    settings = {"name": "web", "version": "1", "new_version": "2", "wanted": "", "places": f"{guest.place}/at"}
    script = f"{UPDATE}\n{TRY.format(own=own, other=other)}"
    assert steps(guest, script, **settings) == said
    assert (guest.place / "pending").exists() == (other != "")
    updates = guest.place / "at/updates"
    assert {path.name for path in updates.rglob("*")} == (
        {"EFI", "Linux", "claylinux"} if "trial" not in said else set()
    )
    if "trial" not in said:
        settings["places"] = "/proc/none"
        assert steps(guest, script.replace("install_version;", "install_version 2>/dev/null;"), **settings) == (
            "1 UPDATES cannot be written\n"
        )


def test_what_is_for_another_system(guest: Guest) -> None:
    (guest.place / "index").write_text("name web\n")
    facts = {"from": "https://x"}
    for words, said in (("name web", ""), ("name ''", ""), ("channel edge", ""), ("name db", "x")):
        found = steps(guest, f'{UPDATE}\nwhy=""; fits {words} || echo "$why"', **facts)
        assert found == (said and "https://x: what is there is for the name web, and this system is db\n")


LEFT = """
entries() { printf "$listed"; }
index_problem() { echo "$problem"; }
digest_of() { cat "$1"; }
index_value() { echo "$wanted"; }
entry_of() { echo "$there"; }
name=web
tidy_up
"""
VERSION = "updates 2 3 0 web_2+3.efi\\nupdates 1 0 1 web_1+0-1.efi\\nother 3 0 0 web_3.efi\\n"

WHOLE, DAMAGED = "updates 1 0 1 web_1+0-1.efi", "updates 1 0 1 web_1+0-2.efi"


@pytest.mark.parametrize(
    ("changed", "left", "bad"),
    [
        ({}, ["web_1+0-1.efi", "web_2+3.efi", "web_3.efi"], ""),
        ({"repaired": "yes"}, ["web_3.efi"], "1\n"),
        ({"repaired": "yes", "wanted": "here"}, ["web_1+0-1.efi", "web_2+3.efi"], ""),
        ({"repaired": "yes", "wanted": "here", "there": ""}, ["web_1+0-1.efi", "web_1+3.efi", "web_2+3.efi"], ""),
        ({"repaired": "yes", "wanted": "here", "there": DAMAGED}, ["web_1+0-1.efi", "web_1+3.efi", "web_2+3.efi"], ""),
        ({"repaired": "yes", "problem": "x"}, ["web_1+0-1.efi", "web_2+3.efi", "web_3.efi"], ""),
    ],
)
def test_what_a_power_cut_left(guest: Guest, changed: dict[str, str], left: list[str], bad: str) -> None:
    """One that is listed goes if its index says something else; one that is not gets its name again, or goes."""
    places = guest.place / "at"
    systems, indexes = places / "updates/EFI/Linux", places / "updates/claylinux"
    systems.mkdir(parents=True)
    indexes.mkdir()
    for number in (1, 2, 3):
        (indexes / f"web_{number}.pieces").touch()
    for file in ("web_1+0-1.efi", "web_2+3.efi", "web_3.efi"):
        (systems / file).write_text("here")
    (systems / "web_4.EFI").touch()
    (places / "updates/FSCK0001.REC").touch()
    facts = {"repaired": "no", "listed": VERSION, "problem": "", "wanted": "other", "there": WHOLE} | changed
    steps(guest, f"{UPDATE}\n{LEFT}", places=str(places), **facts)
    assert sorted(each.name for each in systems.iterdir()) == left
    assert not (places / "updates/FSCK0001.REC").exists()
    assert (indexes / "bad").exists() == bool(bad)
    if bad:
        assert (indexes / "bad").read_text() == bad
