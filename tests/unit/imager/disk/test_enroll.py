"""The medium that enrolls keys, as other programs read it, and the small files of a FAT file system."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from imager import keys
from imager.core.errors import ImagerError
from imager.disk import enroll
from imager.disk.fat_tree import Tree
from imager.requests.secureboot import Enroll
from tests.support.vm import require_tool

LOADER = bytearray(70_000)
LOADER[:2] = b"MZ"
LOADER[0x3C] = 0x80
LOADER[0x80:0x86] = b"PE\0\0\x64\x86"
NAME = "a-name-of.all-63-characters-that-a-system-can-have-at-the-very-m"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tool("openssl", "mcopy", "fsck.fat")
    directory = tmp_path_factory.mktemp("keys")
    assert keys.main([f"--directory={directory}", "--no-microsoft"]) == 0
    (directory / "loader.efi").write_bytes(LOADER)
    return directory


def make(directory: Path, output: Path, name: str = "edge") -> bytes:
    request = Enroll(
        keys=str(directory),
        name=name,
        loader=str(directory / "loader.efi"),
        architecture="amd64",
        output=str(output),
        epoch=1_700_000_000,
        label="ENROLL",
    )
    enroll.run(request)
    return output.read_bytes()


@pytest.mark.slow  # makes keys
@pytest.mark.parametrize("name", ["edge", NAME, "thirteen-long"])
def test_other_programs_find_the_files(made: Path, tmp_path: Path, name: str) -> None:
    image = tmp_path / "enroll.iso"
    data = make(made, image, name)
    partition = tmp_path / "partition"
    partition.write_bytes(data[1 << 20 : -1 << 20])
    checked = subprocess.run(("fsck.fat", "-nv", partition), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    subprocess.run(("mcopy", "-s", "-i", partition, "::", tmp_path / "found"), check=True, capture_output=True)
    found = {
        str(each.relative_to(tmp_path / "found")): each for each in (tmp_path / "found").rglob("*") if each.is_file()
    }
    assert set(found) == {
        "EFI/BOOT/BOOTX64.EFI",
        "loader/again.efi",
        "loader/loader.conf",
        "loader/entries/first.conf",
        "loader/entries/again.conf",
        *(f"loader/keys/{name}/{each}.auth" for each in ("PK", "KEK", "db")),
    }
    for each in ("PK", "KEK", "db"):
        assert found[f"loader/keys/{name}/{each}.auth"].read_bytes() == (made / f"{each}.auth").read_bytes()
    assert found["EFI/BOOT/BOOTX64.EFI"].read_bytes() == LOADER == found["loader/again.efi"].read_bytes()
    settings = found["loader/loader.conf"].read_text().splitlines()
    # It asks, for as long as it takes, and nothing else is started.
    assert {"secure-boot-enroll manual", "timeout menu-force", "auto-entries no", "editor no"} <= set(settings)


@pytest.mark.slow
def test_the_same_keys_give_the_same_bytes_and_others_another_disk(made: Path, tmp_path: Path) -> None:
    one = make(made, tmp_path / "one.iso")
    assert one == make(made, tmp_path / "two.iso")
    other = tmp_path / "other"
    shutil.copytree(made, other)
    assert keys.main([f"--directory={other}", "add", "db-2"]) == 0
    # The identifiers of a GPT come from the content: no two different disks have the same.
    assert make(other, tmp_path / "three.iso")[512 + 56 : 512 + 72] != one[512 + 56 : 512 + 72]


@pytest.mark.slow
def test_private_keys_are_not_in_it(made: Path, tmp_path: Path) -> None:
    data = make(made, tmp_path / "enroll.iso")
    for key in made.glob("*.key"):
        assert key.read_bytes().split(b"\n")[4] not in data


@pytest.mark.slow
def test_nothing_is_left_of_a_medium_that_would_not_work(made: Path, tmp_path: Path) -> None:
    broken = tmp_path / "keys"
    shutil.copytree(made, broken)
    shutil.copy(broken / "db.auth", broken / "KEK.auth")
    with pytest.raises(ImagerError, match=r"KEK\.auth"):
        make(broken, tmp_path / "enroll.iso")
    assert not (tmp_path / "enroll.iso").exists()


def test_a_file_of_several_clusters_is_one_chain() -> None:
    tree = Tree(first=10, step=512, end=0xFFFF, epoch=0)
    tree.add({"a/b": bytes(1025), "c": b"", "d": b"x"})
    assert tree.chains == [0xFFFF, 12, 13, 0xFFFF, 0xFFFF]
    assert [at for at, _ in tree.content] == [10, 11, 14]


@pytest.mark.parametrize(("size", "entries"), [(1, 2), (13, 2), (14, 3), (26, 3), (27, 4)])
def test_a_long_name_has_an_entry_for_13_characters(size: int, entries: int) -> None:
    tree = Tree(first=10, step=512, end=0xFFFF, epoch=0)
    tree.add({"x" * size: b"", "BOOTX64.EFI": b""})
    assert len(tree.entries) // 32 == entries + 1


def test_a_directory_can_have_several_clusters() -> None:
    tree = Tree(first=10, step=512, end=0xFFFF, epoch=0)
    tree.add({f"a/{'x' * 100}{number}": b"" for number in range(9)})  # 2 + 9 * (8 + 1) entries
    assert tree.chains == [*range(11, 16), 0xFFFF]
    assert [(at, len(data)) for at, data in tree.content] == [(10, 83 * 32)]
