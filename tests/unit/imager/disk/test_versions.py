"""Disks of systems that update themselves, as other programs read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from imager.commands import perform
from imager.disk import esp
from imager.requests.outputs import Disk, Iso, Qcow2, Raw
from tests.support.imager import EPOCH
from tests.support.updates import LOADER, Pair, add_index, make_layout, make_pair
from tests.support.vm import require_tool

pytestmark = pytest.mark.slow  # a key, and disks of 180 MiB

MIB = 1 << 20
VERSION = "1.4.0-rc1.with-a-long-name-that-needs-several-entries-of-a-directory"
NAME = f"web_{VERSION}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    require_tool("openssl", "mcopy", "fsck.fat", "sfdisk")
    return make_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def layout(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kernel = b"kernel" * (6 * MIB)  # enough for a FAT32
    return add_index(make_layout(tmp_path_factory.mktemp("uki"), segment=b"s" * 99_999, kernel=kernel), pair, VERSION)


def make(layout: Path, output: Path, kind: type[Disk] = Raw) -> Path:
    perform(kind(uki=str(layout), output=str(output), architecture="amd64", epoch=EPOCH))
    return output


def partitions(image: Path) -> list[dict[str, object]]:
    found = subprocess.run(["sfdisk", "--json", image], check=True, capture_output=True, text=True).stdout
    table = json.loads(found)["partitiontable"]["partitions"]
    return [{key: value for key, value in each.items() if key != "node"} for each in table]


def extract(image: Path, number: int) -> Path:
    place = partitions(image)[number]
    start, size = int(str(place["start"])) * 512, int(str(place["size"])) * 512
    part = image.with_name(f"{image.name}.{number}")
    with image.open("rb") as file:
        file.seek(start)
        part.write_bytes(file.read(size))
    return part


def files(part: Path) -> dict[str, bytes]:
    """Check a FAT, and return its files by path."""
    checked = subprocess.run(["fsck.fat", "-nv", part], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    found = part.with_name(f"{part.name}.files")
    found.mkdir()
    if subprocess.run(["mdir", "-b", "-i", part, "::"], capture_output=True, check=False).stdout:
        subprocess.run(["mcopy", "-s", "-i", part, "::", found], check=True, capture_output=True)
    return {str(each.relative_to(found)): each.read_bytes() for each in found.rglob("*") if each.is_file()}


def test_a_disk_has_the_installed_version_and_room_for_others(layout: Path, tmp_path: Path) -> None:
    image = make(layout, tmp_path / "web.img")
    esp, updates = partitions(image)
    assert esp["type"] == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
    assert (updates["type"], updates["name"]) == ("BC13C2FF-59E6-4262-A352-B275FD6F7172", "UPDATES")
    size = json.loads(layout.read_text())["size"]
    assert int(str(updates["size"])) * 512 == -(-size * 15 // 4 // MIB) * MIB
    verified = subprocess.run(["sfdisk", "--verify", image], capture_output=True, text=True, check=True)
    assert "No errors detected" in verified.stdout
    part = extract(image, 0)
    found = files(part)
    # With this, nothing is ever written: see tests/boot/test_update_disk.py.
    assert found.pop("loader/random-seed") == b""
    shown = subprocess.run(["mattrib", "-i", part, "::loader/random-seed"], check=True, capture_output=True, text=True)
    assert "R" in shown.stdout.split("::")[0].split(":")[0]
    program = found.pop(f"EFI/Linux/{NAME}.efi")
    assert len(program) == size
    assert found.pop("loader/loader.conf").splitlines() == [b"timeout 0", b"editor no", b"auto-entries no"]
    assert found == {
        "EFI/BOOT/BOOTX64.EFI": LOADER,
        f"claylinux/{NAME}.pieces": layout.with_suffix(".pieces").read_bytes(),
        f"claylinux/{NAME}.pieces.sig": layout.with_suffix(".sig").read_bytes(),
    }
    part = extract(image, 1)
    assert files(part) == {}
    label = subprocess.run(["mlabel", "-s", "-i", part, "::"], capture_output=True, text=True, check=True).stdout
    assert "UPDATES" in label


def test_room_for_versions_costs_no_space_in_the_image(layout: Path, tmp_path: Path) -> None:
    image = make(layout, tmp_path / "web.img")
    stored, size = image.stat().st_blocks * 512, image.stat().st_size
    assert size > 170 * MIB
    assert stored < 50 * MIB
    assert make(layout, tmp_path / "web.qcow2", Qcow2).stat().st_size < 50 * MIB


@pytest.mark.parametrize("size", [esp.EMPTY_LEAST, 65 * MIB, 257 * MIB, 2048 * MIB, 65_536 * MIB])
def test_a_partition_of_any_size_is_a_sound_fat32(pair: Pair, tmp_path: Path, size: int) -> None:
    layout = esp.empty(size=size, label="UPDATES", volume_id=7, start=2048, epoch=EPOCH)
    part = tmp_path / "part"
    with part.open("wb") as file:
        file.truncate(layout.size)
        for at, data in layout.pieces:
            file.seek(at)
            file.write(data)
    assert layout.size == size
    assert part.stat().st_blocks * 512 < MIB
    checked = subprocess.run(["fsck.fat", "-nv", part], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "32 bit entries" in checked.stdout


def test_a_cd_has_the_same_without_the_room(layout: Path, tmp_path: Path) -> None:
    disk, cd = make(layout, tmp_path / "web.img"), make(layout, tmp_path / "web.iso", Iso)
    assert len(partitions(cd)) == 1
    assert files(extract(cd, 0)).keys() == files(extract(disk, 0)).keys()


def test_disks_differ_in_their_identifiers_by_all_that_is_on_them(pair: Pair, layout: Path, tmp_path: Path) -> None:
    one = partitions(make(layout, tmp_path / "one.img"))
    assert one == partitions(make(layout, tmp_path / "two.img"))
    other = layout.with_name("other.json")
    for ending in (".json", ".head", ".loader", ".pieces", ".sig"):
        other.with_suffix(ending).write_bytes(layout.with_suffix(ending).read_bytes())
    other.with_suffix(".loader").write_bytes(LOADER + b"newer")
    three = partitions(make(other, tmp_path / "three.img"))
    assert not {str(each["uuid"]) for each in one} & {str(each["uuid"]) for each in three}
