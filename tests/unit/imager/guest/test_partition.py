"""The partition that stays: made in empty space only, found again, grown, and restored after another image."""

from __future__ import annotations

import random
import subprocess
import uuid
from itertools import pairwise
from pathlib import Path

import pytest

from imager.core import guid
from imager.disk import gpt
from spec.kept import PARTITION_TYPE
from tests.support.guest_programs import ESP, ESP_GUID, MIB, SHELLS, Guest, sfdisk

# Each asks sfdisk many times: together two thirds of all unit tests.
pytestmark = pytest.mark.slow

ESP_ROW = ["1", "1", "20", "EFI System Partition"]
OTHER = 'start=122880, size=40960, type=linux, name="OTHER"'
MAKE = 'make_filesystem() { echo "mkfs $1" >&9; }\nwait_for_disks() { :; }\n'


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path / "guest", request.param)


def state(guest: Guest, **settings: str) -> str:
    """Find or make the partition, and return its device without the directory."""
    made = guest.place / "made"
    found = guest.run(MAKE + f'exec 9>"{made}"; state_partition', **settings)
    return found.strip().replace(f"{guest.place}/dev/", "")


def output_of(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


def test_it_is_made_behind_the_efi_partition_and_found_again(guest: Guest) -> None:
    guest.disk("vda", 100, f"label: gpt\n{ESP}")
    assert state(guest) == "vda2"
    # As much as up to the end of the EFI partition stays free, for a larger one.
    assert guest.partitions("vda") == [ESP_ROW, ["2", "42", "57", "STATE"]]
    assert "mkfs" in (guest.place / "made").read_text()
    assert "making a partition of 57 MiB" in guest.log
    before = (guest.place / "dev/vda").read_bytes()
    assert state(guest) == "vda2"
    assert (guest.place / "made").read_text() == ""
    assert (guest.place / "dev/vda").read_bytes() == before
    assert guest.said == ""


@pytest.mark.parametrize(("size", "expected"), [("16", "16"), ("0", "57"), ("57", "57")])
def test_its_size(guest: Guest, size: str, expected: str) -> None:
    guest.disk("vda", 100, f"label: gpt\n{ESP}")
    assert state(guest, state_size=size) == "vda2"
    assert guest.partitions("vda")[1][2] == expected


def test_our_own_disks_on_a_larger_one(guest: Guest) -> None:
    """The second table of an image is where the image ends, not where the disk does."""
    image = own_disk(guest, 30, gpt.Partition(gpt.ESP_TYPE, uuid.UUID(ESP_GUID), "EFI", 2048, 29 * 2048 - 1))
    assert state(guest) == "vda2"
    assert guest.partitions("vda") == [["1", "1", "28", "EFI"], ["2", "58", "141", "STATE"]]
    assert "No problems found" in output_of("sgdisk", "-v", image)


def test_our_own_disks_with_room_for_versions(guest: Guest) -> None:
    """It is behind that room, and the old second table."""
    esp = gpt.Partition(gpt.ESP_TYPE, uuid.UUID(ESP_GUID), "EFI", 2048, 29 * 2048 - 1)
    versions = gpt.Partition(gpt.XBOOTLDR_TYPE, uuid.UUID(int=8), "UPDATES", 29 * 2048, 59 * 2048 - 1)
    image = own_disk(guest, 60, esp, versions)
    assert state(guest) == "vda3"
    assert guest.partitions("vda")[1:] == [["2", "29", "30", "UPDATES"], ["3", "60", "139", "STATE"]]
    assert "No problems found" in output_of("sgdisk", "-v", image)


def test_behind_the_layers_of_the_system_that_runs(guest: Guest) -> None:
    """Their disk is in use, so the kernel is told what is new. The room for a larger version counts them."""
    guest.disk("vda", 200, f'label: gpt\n{ESP}\nstart=43008, size=20480, type=linux, name="LAYERS"')
    (guest.place / "sys/block/vda/vda2/holders/dm-0").mkdir(parents=True)
    (guest.place / "bin/partx").write_text(f'#!/bin/sh\necho "$@" >>{guest.place}/told\n')
    (guest.place / "bin/partx").chmod(0o755)
    assert state(guest) == "vda3"
    assert guest.partitions("vda")[2] == ["3", "62", "137", "STATE"]
    # Once for the partition, and once for its name.
    assert (guest.place / "told").read_text() == f"--update {guest.place}/dev/vda\n" * 2
    assert state(guest) == "vda3"
    assert guest.said == ""


def own_disk(guest: Guest, mib: int, *partitions: gpt.Partition) -> Path:
    """Write an image as we make it to a disk that is larger."""
    image = guest.disk("vda", mib)
    tables = gpt.tables(sectors=mib * 2048, partitions=partitions, disk=uuid.UUID(int=7))
    with image.open("r+b") as file:
        file.write(tables.head)
        file.seek(mib * MIB - len(tables.tail))
        file.write(tables.tail)
    guest.disk("vda", 200)
    return image


@pytest.mark.parametrize("name", ["nvme0n1", "mmcblk0"])
def test_disks_whose_names_end_with_a_digit(guest: Guest, name: str) -> None:
    guest.disk(name, 100, f"label: gpt\n{ESP}")
    assert state(guest) == f"{name}p2"
    assert state(guest) == f"{name}p2"


@pytest.mark.parametrize(
    ("mib", "script", "settings", "told"),
    [
        (100, f"label: gpt\n{ESP}\nstart=43008, type=linux", {}, "has no room: 16 MiB are needed, and 0 MiB"),
        (100, f"label: gpt\n{ESP}\nstart=122880, type=linux", {"state_size": "64"}, "64 MiB are needed, and 18 MiB"),
        (100, f"label: gpt\n{ESP}", {"state_size": "58"}, "58 MiB are needed, and 57 MiB"),
        (50, f"label: gpt\n{ESP}", {}, "has no room"),
        (100, "label: dos\nstart=2048, type=83", {"state_disk": "/dev/vda"}, "is not a GPT"),
        (100, f"label: gpt\n{ESP}", {"boot": ""}, "the firmware does not say what the machine booted from"),
        (100, f"label: gpt\n{ESP}", {"boot": "0-0"}, "or it is no disk"),
        (100, f"label: gpt\n{ESP}", {"state_disk": "/dev/vdb"}, "there is no disk /dev/vdb"),
        (100, f"label: gpt\n{ESP}", {"state_disk": "serial=7"}, "there is no disk serial=7"),
        (100, f"label: gpt\n{ESP}", {"state_disk": "empty"}, "no disk is empty"),
    ],
)  # fmt: skip
def test_a_disk_is_left_alone_and_it_is_told(
    guest: Guest, mib: int, script: str, settings: dict[str, str], told: str
) -> None:
    image = guest.disk("vda", mib, script)
    before = image.read_bytes()
    assert state(guest, **settings) == ""
    assert told in guest.said
    assert image.read_bytes() == before
    assert (guest.place / "made").read_text() == ""


def test_a_foreign_partition_is_not_touched(guest: Guest) -> None:
    image = guest.disk("vda", 100, f"label: gpt\n{ESP}\n{OTHER}")
    content = random.Random(1).randbytes(20 * MIB)
    with image.open("r+b") as file:
        file.seek(60 * MIB)
        file.write(content)
    assert state(guest) == "vda3"
    assert guest.partitions("vda") == [ESP_ROW, ["2", "60", "20", "OTHER"], ["3", "80", "19", "STATE"]]
    assert image.read_bytes()[60 * MIB : 80 * MIB] == content


@pytest.mark.parametrize("at", [0, 1024, 4096, 32768, 65600])
def test_free_space_that_holds_something_is_left_alone(guest: Guest, at: int) -> None:
    image = guest.disk("vda", 100, f"label: gpt\n{ESP}")
    with image.open("r+b") as file:
        file.seek(42 * MIB + at)
        file.write(b"x")
    before = image.read_bytes()
    assert state(guest) == ""
    assert "seek=42 count=1, and reboot" in guest.said
    assert image.read_bytes() == before


def test_a_power_cut_before_the_file_system_is_made(guest: Guest) -> None:
    guest.disk("vda", 100, f"label: gpt\n{ESP}")
    guest.run(MAKE + 'use_state() { :; }; exec 9>&1; add_partition "$dev/vda"')
    assert guest.partitions("vda")[1][3] == "STATE.new"
    assert state(guest) == "vda2"
    assert "mkfs" in (guest.place / "made").read_text()
    assert guest.partitions("vda") == [ESP_ROW, ["2", "42", "57", "STATE"]]


def test_a_power_cut_at_any_moment(guest: Guest) -> None:
    """What is there is completed, or made anew."""
    chance = random.Random(11)
    image = guest.disk("vda", 64, f"label: gpt\n{ESP}")
    before = image.read_bytes()
    script = MAKE.replace(">&9", ">/dev/null") + "state_partition"
    seen = set()
    for _ in range(12):
        image.write_bytes(before)
        guest.cut(script, chance.uniform(0.01, 0.5))
        seen.add(tuple(row[3] for row in guest.partitions("vda")))
        assert state(guest) == "vda2"
        assert guest.partitions("vda") == [ESP_ROW, ["2", "42", "21", "STATE"]]
    assert seen <= {(ESP_ROW[3],), (ESP_ROW[3], "STATE.new"), (ESP_ROW[3], "STATE")}
    assert guest.said == ""


@pytest.mark.parametrize("torn", ["primary", "backup"])
def test_a_power_cut_while_a_table_is_written(guest: Guest, torn: str) -> None:
    """sfdisk writes the second table first: one of the two is always whole."""
    image = guest.disk("vda", 100, f"label: gpt\n{ESP}")
    before = image.read_bytes()
    guest.run(MAKE + 'use_state() { :; }; exec 9>&1; add_partition "$dev/vda"')
    with image.open("r+b") as file:
        at = 0 if torn == "primary" else 99 * MIB
        file.seek(at + 512 * 3)
        file.write(before[at + 512 * 3 : at + 512 * 8])
    assert state(guest) == "vda2"
    assert guest.partitions("vda")[1][3] == "STATE"


def test_it_grows_with_its_disk(guest: Guest) -> None:
    image = guest.disk("vda", 100, f"label: gpt\n{ESP}")
    assert state(guest) == "vda2"
    guest.disk("vda", 110)
    assert state(guest) == "vda2"
    assert guest.partitions("vda")[1] == ["2", "42", "57", "STATE"], "not worth a change"
    guest.disk("vda", 500)
    assert state(guest) == "vda2"
    assert guest.partitions("vda")[1] == ["2", "42", "457", "STATE"]
    assert "the partition takes 400 MiB more" in guest.log
    assert "No problems found" in output_of("sgdisk", "-v", image)


def test_it_does_not_grow_over_another_one_or_beyond_its_size(guest: Guest) -> None:
    guest.disk("vda", 100, f"label: gpt\n{ESP}")
    state(guest, state_size="20")
    guest.disk("vda", 200)
    state(guest, state_size="20")
    assert guest.partitions("vda")[1][2] == "20"
    subprocess.run(["sfdisk", "-q", "--append", guest.place / "dev/vda"], input="start=143360", text=True, check=True)
    before = (guest.place / "dev/vda").read_bytes()
    assert state(guest) == "vda2"
    assert (guest.place / "dev/vda").read_bytes() == before


def test_two_equal_disks(guest: Guest) -> None:
    """Nobody knows from which one the machine booted: nothing is made, but what is there is used."""
    images = [guest.disk(name, 100, f"label: gpt\n{ESP}") for name in ("vda", "vdb")]
    before = [image.read_bytes() for image in images]
    assert state(guest) == ""
    assert "not clear" in guest.said and "vda vdb" in guest.said
    assert [image.read_bytes() for image in images] == before
    (guest.place / "sys/block/vdb/ro").write_text("1\n")
    assert state(guest) == "vda2"
    (guest.place / "sys/block/vdb/ro").write_text("0\n")
    assert state(guest) == "vda2"
    images[1].write_bytes(images[0].read_bytes())
    assert state(guest) == ""
    assert "several disks have a partition called STATE" in guest.said


def test_a_machine_that_booted_from_no_disk_uses_what_is_there(guest: Guest) -> None:
    guest.disk("vda", 100, f"label: gpt\n{ESP}")
    state(guest)
    assert state(guest, boot="") == "vda2"


def test_only_the_disk_that_is_meant_is_used(guest: Guest) -> None:
    guest.disk("vda", 100, f"label: gpt\n{ESP}")
    state(guest)
    guest.disk("vdb", 100, f"label: gpt\n{ESP.replace('5555', '6666')}")
    assert state(guest, boot=ESP_GUID.replace("5555", "6666")) == "vdb2"
    guest.disk("vdc", 100)
    (guest.place / "sys/block/vdc/serial").write_text("S4EWNX0R  \n")
    assert state(guest, state_disk="serial=S4EWNX0R") == "vdc1"
    assert guest.partitions("vdc") == [["1", "1", "98", "STATE"]]


def test_the_only_empty_disk(guest: Guest) -> None:
    guest.disk("vda", 100, f"label: gpt\n{ESP}")
    guest.disk("vdb", 100)
    assert state(guest, state_disk="empty") == "vdb1"
    assert state(guest, state_disk="empty") == "vdb1"
    other = Guest(guest.place / "other", guest.shell)
    for name in ("vda", "vdb"):
        other.disk(name, 100)
    assert state(other, state_disk="empty") == ""
    assert "not clear" in other.said


def test_after_another_image_was_written_over_the_disk(guest: Guest) -> None:
    image = guest.disk("vda", 100, f"label: gpt\n{ESP}")
    state(guest)
    subprocess.run(["mkfs.ext4", "-q", "-L", "STATE", "-E", f"offset={42 * MIB}", image, "57m"], check=True)
    kept = image.read_bytes()[42 * MIB : 99 * MIB]
    table = guest.place / "new.img"
    table.write_bytes(bytes(40 * MIB))
    sfdisk(table, f"label: gpt\n{ESP.replace('size=40960', 'size=61440')}")
    with image.open("r+b") as file:
        file.write(table.read_bytes())
    assert guest.partitions("vda") == [["1", "1", "30", "EFI System Partition"]]
    assert state(guest) == "vda2"
    assert guest.partitions("vda") == [["1", "1", "30", "EFI System Partition"], ["2", "42", "57", "STATE"]]
    assert image.read_bytes()[42 * MIB : 99 * MIB] == kept
    assert (guest.place / "made").read_text() == ""


def test_after_an_image_that_is_too_large(guest: Guest) -> None:
    image = guest.disk("vda", 100, f"label: gpt\n{ESP}")
    state(guest)
    subprocess.run(["mkfs.ext4", "-q", "-L", "STATE", "-E", f"offset={42 * MIB}", image, "57m"], check=True)
    with (guest.place / "new.img").open("wb") as file:
        file.truncate(80 * MIB)
    sfdisk(guest.place / "new.img", f"label: gpt\n{ESP.replace('size=40960', 'size=122880')}")
    with image.open("r+b") as file:
        file.write((guest.place / "new.img").read_bytes()[: 1 * MIB])
    before = image.read_bytes()
    assert state(guest) == ""
    assert "is over the one that stays" in guest.said
    assert image.read_bytes() == before


def test_sectors_of_four_kilobytes(guest: Guest) -> None:
    """An image file has none of these, so the table is one line of `partitions`."""
    guest.disk("sda", 100)
    (guest.place / "sys/block/sda/queue").mkdir()
    (guest.place / "sys/block/sda/queue/logical_block_size").write_text("4096\n")
    row = f"1 256 5120 c12a7328-f81f-11d2-ba4b-00a0c93ec93b {ESP_GUID} EFI"
    assert guest.run(f'partitions() {{ echo "{row}"; }}; free_space "$dev/sda"') == "10752 14592\n"
    assert guest.run('sectors_of "$dev/sda"') == "25600\n"


def test_the_file_system(guest: Guest, tmp_path: Path) -> None:
    image = tmp_path / "partition"
    with image.open("wb") as file:
        file.truncate(32 * MIB)
    guest.run(f'make_filesystem "{image}"')
    assert output_of("blkid", "-p", "-o", "value", "-s", "LABEL", image) == "STATE\n"
    assert str(uuid.uuid5(guid.NAMESPACE, "state")) == PARTITION_TYPE


def test_random_disks(guest: Guest) -> None:
    """Whatever lies on a disk, the new partition is in no other one, and none changes."""
    chance = random.Random(5)
    for number in range(6):
        place = Guest(guest.place / str(number), guest.shell)
        total, at, rows = chance.randint(60, 200), 22, [ESP]
        for _ in range(chance.randint(0, 3)):
            start = at + chance.randint(0, 30)
            size = chance.randint(1, 40)
            if start + size >= total - 2:
                break
            rows.append(f"start={start * 2048 + chance.randint(0, 7)}, size={size * 2048 - 8}, type=linux")
            at = start + size
        place.disk("vda", total, "label: gpt\n" + "\n".join(rows))
        before = place.run('partitions "$dev/vda"')
        found = state(place, state_size=chance.choice(["0", "16", "40"]))
        after = place.run('partitions "$dev/vda"')
        assert after.startswith(before)
        ranges = sorted((int(row.split()[1]), int(row.split()[2])) for row in after.splitlines())
        assert all(first + size <= second for (first, size), (second, _) in pairwise(ranges))
        assert sum(ranges[-1]) <= total * 2048 - 34
        assert bool(found) == (after != before) == (place.said == "")
