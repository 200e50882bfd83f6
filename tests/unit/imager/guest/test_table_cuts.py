"""A change of a partition table on a disk with a cache: whenever the power goes, one of the two tables is whole."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from spec.kept import PARTITION_TYPE
from tests.support import installed
from tests.support.guest_programs import ESP, MIB, SHELLS, Guest, sfdisk
from tests.support.write_log import Recording, note_flushes, recorded

pytestmark = pytest.mark.slow

SIZE = 60 * MIB
CHANGES = """
echo 'start=43008, size=49152, type=linux, name="STATE.new"' | change_table "$dev/vda" --append && echo 1 >>"$done"
write_table "$dev/vda" --part-label 2 STATE && echo 2 >>"$done"
echo ", 57344" | change_table "$dev/vda" -N 2 && echo 3 >>"$done"
"""
AT_ONCE = """
write_in_turn() {
  sfdisk --quiet $options "$whole" "$@" && dd if=/dev/null of="$whole" conv=notrunc,fsync 2>/dev/null
}
"""
"""As sfdisk does it by itself: both tables, and then a flush."""


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path / "guest", request.param)


def changed(guest: Guest, scratch: Path, before: str = "") -> Recording:
    """Record three changes of a table."""
    with recorded(guest.disk("vda", 0), SIZE, scratch) as recording:
        sfdisk(recording.before, f"label: gpt\n{ESP}")
        shutil.copyfile(recording.before, scratch / "disk.img")
        (guest.place / "sys/block/vda/size").write_text(f"{SIZE // 512}\n")
        guest.run(f"{note_flushes(recording)}\n{before}\n{CHANGES}", done=str(scratch / "done"))
        assert (scratch / "done").read_text().split() == ["1", "2", "3"]
    return recording


def rows(recording: Recording, scratch: Path, seed: int = 1) -> list[str]:
    """Return what the second row of the table was after 40 power cuts."""
    return [second_row(disk) for _, disk in recording.cuts(40, random.Random(seed), scratch)]


def second_row(disk: Path) -> str:
    """Return size and name of the second partition, `none`, or `no table`."""
    found = installed.output_of("sfdisk", "--dump", disk)
    if "label: gpt" not in found:  # what remains is a DOS table that protects it
        return "no table"
    assert installed.esp_of(disk) == (MIB, 20 * MIB)
    lines = [line for line in found.splitlines() if "start=" in line]
    if len(lines) == 1:
        return "none"
    size, name = (lines[1].partition(f"{key}=")[2].strip().split(",")[0].strip('"') for key in ("size", "name"))
    return f"{size} {name}"


def test_any_power_cut_leaves_the_table_before_or_after(guest: Guest, tmp_path: Path) -> None:
    recording = changed(guest, tmp_path)
    assert sum(each.flush for each in recording.entries()) >= 6
    found = rows(recording, tmp_path)
    assert (found[0], found[-1]) == ("none", "57344 STATE")
    assert set(found) == {"none", "49152 STATE.new", "49152 STATE", "57344 STATE"}


def test_sfdisk_alone_can_leave_none(tmp_path: Path) -> None:
    recording = changed(Guest(tmp_path / "guest", "dash"), tmp_path, AT_ONCE)
    assert any("no table" in rows(recording, tmp_path, seed) for seed in range(20))


def test_a_first_table_that_is_damaged_is_written_again(guest: Guest) -> None:
    """Firmware does so on the disk that it starts; the kernel shows no partition of another one."""
    disk = guest.disk("vdb", 60, f'label: gpt\nstart=2048, size=40960, type={PARTITION_TYPE}, name="STATE"')
    whole = disk.read_bytes()
    disk.write_bytes(whole[:1024] + bytes(512) + whole[1536:])
    assert "corrupt" in installed.output_of("sgdisk", "-v", disk)
    shown = """is_shown() { [ -e "$dev/shown" ]; }\ntell_kernel() { : >"$dev/shown"; }"""
    script = f'{shown}\nuse_state "$(find_state)"'
    assert guest.run(script, state_disk="/dev/vdb", state_size="16") == f"{guest.place}/dev/vdb1\n"
    assert "No problems found" in installed.output_of("sgdisk", "-v", disk)
    assert disk.read_bytes() == whole
