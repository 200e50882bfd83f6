"""What a machine makes of a partition UPDATES that a power cut has damaged: fsck is real, and so is the file system."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

from tests.support.guest_programs import GUEST, SHELLS
from tests.support.update_guest import Keys, UpdateGuest, Version
from tests.support.vm import require_tool

pytestmark = pytest.mark.slow

OLD = Version("1.4.0", (b"head" * 100, b"kernel" * 500))
NEW = Version("1.5.0", (b"HEAD" * 100, b"kernel" * 5001))
NAME = "EFI/Linux/web_1.5.0"
INDEX = ["claylinux/web_1.5.0.pieces", "claylinux/web_1.5.0.pieces.sig"]
_ENTRY = struct.Struct("<11sB8sH4sHI")
"""Of a directory: short name, kind, dates, first cluster in two halves, size."""


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, keys: tuple[Keys, Keys], tmp_path: Path) -> UpdateGuest:
    os.environ["PATH"] += ":/usr/sbin"
    require_tool("mkfs.fat", "fsck.vfat", "mcopy")
    made = UpdateGuest(tmp_path / "guest", request.param, keys[0])
    made.runs(OLD)
    return made


class Partition:
    """The file system with what is in the directory that stands for it, to be damaged."""

    def __init__(self, guest: UpdateGuest) -> None:
        self.guest, self.image = guest, guest.place / "updates.img"
        subprocess.run(("mkfs.fat", "-F", "32", "-C", self.image, "40000"), check=True, capture_output=True)
        self._copy(*sorted(guest.updates.iterdir()), "::/")
        self.content = bytearray(self.image.read_bytes())

    def add(self, name: str, content: bytes) -> None:
        """Add a file behind all others of its directory."""
        self.image.write_bytes(self.content)
        file = self.guest.place / "added"
        file.write_bytes(content)
        self._copy(file, f"::/{name}")
        self.content = bytearray(self.image.read_bytes())

    def entry(self, size: int) -> int:
        """Return where the only file of this size is in its directory."""
        (found,) = (
            at
            for at in range(0, len(self.content), 32)
            if self.content[at + 28 : at + 32] == struct.pack("<I", size) and self.content[at + 11] == 0x20
        )
        return found

    def lose_long_name(self, at: int) -> None:
        while self.content[at - 32 + 11] == 0x0F:
            at -= 32
            self.content[at] = 0xE5

    def lose_directory(self, name: bytes) -> None:
        """Let a directory of the root have a name and nothing else: what it is made of is free."""
        at = self.content.index(name.ljust(11) + b"\x10")
        _, _, _, high, _, low, _ = _ENTRY.unpack_from(self.content, at)
        reserved, count, size = struct.unpack_from("<H", self.content, 14)[0], self.content[16], self.content[36:40]
        for table in range(count):
            start = (reserved + table * int.from_bytes(size, "little")) * 512 + (high << 16 | low) * 4
            self.content[start : start + 4] = bytes(4)

    def give_to(self, source: int, target: int) -> None:
        """Let the entry at `target` be a further name of the file whose entry is at `source`."""
        for start, end in ((20, 22), (26, 32)):
            self.content[target + start : target + end] = self.content[source + start : source + end]

    def tidy(self) -> tuple[str, list[str]]:
        """Let the machine repair it and tidy up; return whether something was repaired, and its files then."""
        self.image.write_bytes(self.content)
        done = self.guest.run(f"""
          system_facts
          repair "{self.image}"
          rm -rf "$places"/updates/*
          mcopy -s -n -i "{self.image}" '::/*' "$places/updates/"
          tidy_up
          echo "$repaired"
        """)
        assert done.err == ""
        checked = subprocess.run(("fsck.fat", "-n", self.image), capture_output=True, check=False)
        assert checked.returncode == 0, checked.stdout
        return done.out.strip(), list(self.guest.files())

    def _copy(self, *words: str | Path) -> None:
        subprocess.run(("mcopy", "-s", "-i", self.image, *words), check=True)


def test_what_is_well_stays(guest: UpdateGuest) -> None:
    NEW.put(guest.updates, guest.keys, "+2-1")
    assert Partition(guest).tidy() == ("no", [f"{NAME}+2-1.efi", *INDEX])


def test_a_mark_of_no_order_alone_changes_nothing(guest: UpdateGuest) -> None:
    NEW.put(guest.updates, guest.keys, "+2-1")
    (guest.updates / "EFI/Linux/web_9.efi").write_bytes(b"by hand, without an index")
    partition = Partition(guest)
    partition.content[65] |= 1
    assert partition.tidy() == ("yes", [f"{NAME}+2-1.efi", "EFI/Linux/web_9.efi", *INDEX])


def test_a_directory_that_only_has_a_name_goes(guest: UpdateGuest) -> None:
    """One run of fsck makes it an empty chain, which only the next run finds and removes."""
    NEW.put(guest.updates, guest.keys)
    partition = Partition(guest)
    partition.lose_directory(b"EFI")
    assert partition.tidy() == ("yes", INDEX)


def test_what_has_no_name_gives_its_space_back(guest: UpdateGuest) -> None:
    file = NEW.put(guest.updates, guest.keys)
    partition = Partition(guest)
    at = partition.entry(file.stat().st_size)
    partition.lose_long_name(at)
    partition.content[at] = 0xE5
    assert partition.tidy() == ("yes", INDEX)


@pytest.mark.parametrize("names", [(".new", "+3.efi"), ("+3.efi", ".new")])
def test_of_two_names_one_stays(guest: UpdateGuest, names: tuple[str, str]) -> None:
    """Whichever comes later in the directory is an empty file after fsck; so it is no version, and goes."""
    (guest.updates / "EFI/Linux").mkdir(parents=True)
    partition = Partition(guest)
    first, second = (f"{NAME}{name}" for name in names)
    partition.add(first, NEW.content)
    partition.add(second, b"x" * 77)
    partition.give_to(partition.entry(len(NEW.content)), partition.entry(77))
    repaired, found = partition.tidy()
    assert repaired == "yes"
    assert found == ([first, second] if second.endswith(".new") else [first])
    assert (guest.updates / first).read_bytes() == NEW.content


def test_half_a_name_becomes_a_whole_one_with_all_tries(guest: UpdateGuest) -> None:
    file = NEW.put(guest.updates, guest.keys, "+2-1")
    partition = Partition(guest)
    at = partition.entry(file.stat().st_size)
    partition.lose_long_name(at)
    short = bytes(partition.content[at : at + 11])
    assert partition.tidy() == ("no", [f"EFI/Linux/{short[:8].decode().strip()}.EFI", *INDEX])
    partition.content[65] |= 1
    assert partition.tidy() == ("yes", [f"{NAME}+3.efi", *INDEX])


def test_a_damaged_index_counts_as_none(guest: UpdateGuest) -> None:
    """A file without one was brought by hand, so it is left alone, whatever its name and content are.

    With the index again, the one that is whole gets its name, although another one has that.
    """
    short, whole = guest.updates / "EFI/Linux/WEB_15~1.EFI", guest.updates / f"{NAME}.efi"
    NEW.put(guest.updates, guest.keys).rename(short)
    whole.write_bytes(b"another one")
    index = guest.updates / INDEX[0]
    lines = index.read_text().splitlines(keepends=True)
    index.write_text("".join(line for line in lines if not line.startswith("piece ")))
    script = "system_facts; mkdir -p $work; repaired=yes; tidy_up"
    assert guest.run(script).code == 0
    assert (short.exists(), whole.exists()) == (True, True)
    index.write_text("".join(lines))
    assert guest.run(script).code == 0
    assert guest.versions() == [f"{Path(NAME).name}+3.efi"]


@pytest.mark.parametrize("count", ["", "+2-1", "+0-3"])
def test_a_damaged_version_goes(guest: UpdateGuest, count: str) -> None:
    file = NEW.put(guest.updates, guest.keys, count)
    partition = Partition(guest)
    partition.content[65] |= 1
    at = partition.entry(file.stat().st_size)
    partition.content[at + 28 : at + 32] = struct.pack("<I", 512)
    repaired, found = partition.tidy()
    assert repaired == "yes"
    assert found == (["claylinux/bad", *INDEX] if count == "+0-3" else INDEX)
    assert "web 1.5.0 was damaged by a power cut, and removed" in guest.log


def test_the_disk_has_all_before_the_new_name_and_then_that(guest: UpdateGuest) -> None:
    """sync(1) alone would leave it to the memory of the disk."""
    NEW.publish(guest.place / "shop", guest.keys)
    note = 'flush_disk() { echo "$(ls $places/updates/EFI/Linux | tr "\\n" " ")" >>$proc/flushes; }'
    assert guest.update("--from", str(guest.place / "shop"), more=note).code == 0
    names = (guest.place / "proc/flushes").read_text().splitlines()
    # First, the directories alone.
    assert names[:3] == ["", "web_1.5.0+3.efi web_1.5.0.new ", "web_1.5.0+3.efi "]


@pytest.mark.parametrize(("mode", "flushes"), [("ro", 0), ("rw", 1)])
def test_the_disk_is_flushed_after_a_mount_for_writing(guest: UpdateGuest, mode: str, flushes: int) -> None:
    script = f"""
      . {GUEST}/update/places.sh
      esp_node=esp updates_node=$work/disk
      sync() {{ :; }}
      attach_one() {{ :; }}
      umount() {{ :; }}
      dd() {{ echo "$*"; }}
      attach {mode}
      detach
    """
    told = f"if=/dev/null of={guest.place}/work/disk conv=notrunc,fsync"
    assert guest.run(script).out.splitlines() == [told] * flushes


def test_health_gives_a_version_its_name_again(guest: UpdateGuest) -> None:
    """It was started by its short name, so the loader counted nothing; what it does from now on is counted."""
    file = NEW.put(guest.updates, guest.keys)
    guest.runs(NEW, installed=False)
    file.rename(file.with_name("WEB_15~1.EFI"))
    script = "attach() { repaired=yes; [ $1 = ro ] || tidy_up; }\nis_up() { true; }\nboot_partition() { echo 1; }\n"
    assert guest.run(f"{script}subject=update\ndecide_health").code == 0
    assert guest.versions() == ["web_1.5.0.efi"]
    assert "web 1.5.0 is good" in guest.log
