"""What the programs for disks decide, at the borders: sfdisk and mkfs are replaced by what they were told."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from imager.disk import gpt
from spec.kept import PARTITION_TYPE
from tests.support.guest_programs import ESP_GUID, MIB, SHELLS, Guest

TOLD = """
make_filesystem() { echo "mkfs ${1##*/}"; }
change_table() { echo "change ${1##*/} $2 ${3-} with $(cat)"; }
write_table() { echo "table ${1##*/} $2 $3 $4"; }
sync() { :; }
"""
ESP_ROW = f"1 2048 40960 c12a7328-f81f-11d2-ba4b-00a0c93ec93b {ESP_GUID} EFI"


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path / "guest", request.param)


def told(guest: Guest, script: str, **settings: str) -> list[str]:
    return guest.run(f"{TOLD}\n{script}", **settings).replace(f"{guest.place}/dev/", "").splitlines()


@pytest.mark.parametrize(
    ("row", "size", "expected"),
    [
        ("vda 2 STATE", "0", ["grows vda 2", "vda2"]),
        ("vda 2 STATE", "16", ["vda2"]),
        ("nvme0n1 3 STATE", "16", ["nvme0n1p3"]),
        ("vda 2 STATE.new", "0", ["mkfs vda2", "table vda --part-label 2 STATE", "vda2"]),
        ("vda 2 STATE.new", "16", ["mkfs vda2", "table vda --part-label 2 STATE", "vda2"]),
    ],
)
def test_what_becomes_of_a_partition(guest: Guest, row: str, size: str, expected: list[str]) -> None:
    grow = 'grow_partition() { echo "grows ${1##*/} $2"; }'
    assert told(guest, f'{grow}\nuse_state "{row}"', state_size=size) == expected


def test_a_partition_that_cannot_be_finished(guest: Guest) -> None:
    script = 'use_state "vda 2 STATE.new" || echo "failed"'
    assert told(guest, f"make_filesystem() {{ false; }}\n{script}") == ["failed"]
    assert guest.said == ""
    assert told(guest, f"write_table() {{ false; }}\n{script}") == ["mkfs vda2", "failed"]
    assert guest.said == f"sfdisk could not name the partition {guest.place}/dev/vda2\n"


CHECKED = """
modprobe() { :; }; resize2fs() { :; }
mount() { echo mounted; }
e2fsck() { echo "$1 ${2%/*}" >>"$dev/runs"; return "$(sed -n "$(grep -c . "$dev/runs")p" "$dev/codes")"; }
mount_state /dev/vda2 || echo failed
cat "$dev/runs"
"""


@pytest.mark.parametrize(
    ("codes", "runs", "end"),
    [
        ([0], 1, "mounted"),
        ([1], 1, "mounted"),
        ([4, 1], 2, "mounted"),
        ([8, 12, 1], 3, "mounted"),
        ([8, 12, 4, 3], 4, "mounted"),
        ([8, 12, 12, 4], 4, "failed"),
    ],
)
def test_a_file_system_is_repaired_in_several_runs(guest: Guest, codes: list[int], runs: int, end: str) -> None:
    """One whose superblock a power cut has torn takes two: the first ends with 12."""
    (guest.place / "dev/codes").write_text("".join(f"{code}\n" for code in codes))
    assert told(guest, CHECKED) == [end, "-p /dev", *["-f -y"] * (runs - 1)]
    assert guest.said == ("the file system on /dev/vda2 cannot be repaired\n" if end == "failed" else "")


STATE_ROW = f"2 86016 116736 {PARTITION_TYPE} - STATE"
END = 86016 + 116736


@pytest.mark.parametrize(
    ("number", "sectors", "more", "expected"),
    [
        (2, END + 2048 + 15 * 2048, "", []),
        (2, END + 2048 + 16 * 2048 - 1, "", []),
        (2, END + 2048 + 16 * 2048, "", [f"change vda -N 2 with , {116736 + 16 * 2048}"]),
        (2, END + 2048 + 17 * 2048 + 5, "", [f"change vda -N 2 with , {116736 + 17 * 2048}"]),
        (2, END * 3, f"3 {END} 2048 other - OTHER", []),
        (1, END * 3, "", []),
        (7, END * 3, "", []),
    ],
)
def test_growing(guest: Guest, number: int, sectors: int, more: str, expected: list[str]) -> None:
    rows = "\n".join((ESP_ROW, STATE_ROW, *([more] if more else [])))
    facts = f"partitions() {{ echo '{rows}'; }}\nsectors_of() {{ echo {sectors}; }}"
    assert told(guest, f'{facts}\ngrow_partition "$dev/vda" {number}') == expected
    assert ("has grown" in guest.log) == bool(expected)
    if expected:
        told(guest, f'{facts}\nchange_table() {{ false; }}\ngrow_partition "$dev/vda" {number}')
        assert guest.said == f"sfdisk could not let the partition on {guest.place}/dev/vda grow\n"


@pytest.mark.parametrize(
    ("table", "free", "size", "expected"),
    [
        ("gpt", "86016 116736", "0", "change vda --append  with start=86016, size=116736,"),
        ("gpt", "86016 116736", "57", "change vda --append  with start=86016, size=116736,"),
        ("gpt", "86016 116736", "16", "change vda --append  with start=86016, size=32768,"),
        ("gpt", "2048 32768", "0", "change vda --append  with start=2048, size=32768,"),
        ("", "2048 32768", "0", "change vda --label=gpt  with start=2048, size=32768,"),
        ("gpt", "86016 116736", "58", "vda has no room: 58 MiB are needed, and 57 MiB in one piece are free"),
        ("gpt", "86016 30720", "0", "vda has no room: 16 MiB are needed, and 15 MiB in one piece are free"),
        ("gpt", "86016 30720", "5", "vda has no room: 16 MiB are needed, and 15 MiB in one piece are free"),
        ("gpt", "", "0", "vda has no room: 16 MiB are needed, and 0 MiB in one piece are free"),
        ("dos", "86016 116736", "0", "the partition table of vda is not a GPT: it was left as it is"),
        ("full", "86016 116736", "0", "vda has no partition table, but is not empty: it was left as it is"),
        (
            "used",
            "86016 116736",
            "0",
            "the free space of vda is not empty, and was left as it is: to give it up, run dd",
        ),
    ],
)
def test_making(guest: Guest, table: str, free: str, size: str, expected: str) -> None:
    facts = f"""
table_of() {{ echo "{table if table in ("gpt", "dos") else "gpt" if table == "used" else ""}"; }}
free_space() {{ echo "{free}"; }}
is_empty() {{ [ "{table}" != full ]; }}
is_blank() {{ [ "{table}" != used ]; }}
find_state() {{ :; }}
use_state() {{ echo used; }}
add_partition "$dev/vda" || echo "code $?"
"""
    lines = told(guest, facts, state_size=size)
    if expected.startswith("change"):
        assert lines == [f'{expected} type={PARTITION_TYPE}, name="STATE.new"', "used"]
        assert guest.said == ""
        assert f"making a partition of {int(expected.split('size=')[1][:-1]) // 2048} MiB on" in guest.log
    else:
        assert lines == ["code 1"]
        assert guest.said.replace(f"{guest.place}/dev/", "").startswith(expected)
        if table == "used":
            assert "bs=1M seek=42 count=1, and reboot" in guest.said


@pytest.mark.parametrize(
    ("rows", "label", "expected"),
    [
        (ESP_ROW, "STATE", "restored"),
        ("1 2048 83968 x y z", "STATE", "restored"),
        ("1 2048 83969 x y z", "STATE", "over"),
        (f"1 {END - 1} 2048 x y z", "STATE", "over"),
        (f"1 {END} 2048 x y z", "STATE", "restored"),
        (ESP_ROW, "STATE2", "nothing"),
        (ESP_ROW, "", "nothing"),
    ],
)
@pytest.mark.parametrize("encrypt", ["", "tpm2"])
def test_restoring(guest: Guest, rows: str, label: str, expected: str, encrypt: str) -> None:
    image = guest.disk("vda", 100)
    ours = gpt.Partition(uuid.UUID(PARTITION_TYPE), uuid.UUID(int=5), "STATE", 86016, END - 1)
    other = gpt.Partition(gpt.ESP_TYPE, uuid.UUID(int=4), "EFI", 2048, 4095)
    tail = gpt.tables(sectors=100 * 2048, partitions=(other, ours), disk=uuid.UUID(int=6)).tail
    with image.open("r+b") as file:
        file.seek(100 * MIB - len(tail))
        file.write(tail)
        file.seek(86016 * 512 + (24 if encrypt else 1144))
        file.write(label.encode())
    script = f"""
partitions() {{ echo '{rows}'; }}
find_state() {{ :; }}
use_state() {{ echo used; }}
restore_partition "$dev/vda" || echo "code $?"
"""
    lines = told(guest, script, state_encrypt=encrypt)
    assert (guest.said != "") == (expected == "over")
    if expected == "restored":
        change = f'change vda --append  with start=86016, size=116736, type={PARTITION_TYPE}, name="STATE"'
        assert lines == [change, "used"]
        failing = script.replace("restore_partition", "change_table() { false; }\nrestore_partition")
        assert told(guest, failing, state_encrypt=encrypt) == []
        assert guest.said == f"sfdisk could not add the partition of {guest.place}/dev/vda again\n"
    else:
        assert lines == ([] if expected == "over" else ["code 1"])
    with image.open("r+b") as file:
        file.seek(100 * MIB - 512)
        file.write(bytes(512))
    assert told(guest, script, state_encrypt=encrypt) == ["code 1"], "without a second table"
