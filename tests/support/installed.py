"""Disks that `claylinux install` wrote, in the eyes of other programs; and an installation without a machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.guest_programs import Guest

MIB = 1 << 20
SETTINGS = {"install_disk": "empty", "install_auto": "no", "install_after": "reboot"}
_PATH = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


def check(disk: Path, medium: Path) -> None:
    """Compare the EFI partition with that of the medium, and let other programs judge table and file system."""
    assert "No problems found" in output_of("sgdisk", "-v", disk)
    assert guid(disk) != guid(medium)
    assert guid(disk)[14] == "4"  # random
    assert output_of("sfdisk", "--disk-id", disk) != output_of("sfdisk", "--disk-id", medium)
    start, size = esp_of(disk)
    assert (start, size) == esp_of(medium)
    part = disk.with_name(f"{disk.name}.esp")
    with disk.open("rb") as copy, medium.open("rb") as original:
        copy.seek(start)
        original.seek(start)
        part.write_bytes(copy.read(size))
        assert part.read_bytes() == original.read(size)
    subprocess.run(["fsck.fat", "-n", part], check=True, capture_output=True, timeout=60, env=_PATH)
    part.unlink()


def has_table(disk: Path) -> bool:
    """Return whether programs see partitions on a disk."""
    done = subprocess.run(
        ["sfdisk", "--dump", disk], capture_output=True, text=True, timeout=60, env=_PATH, check=False
    )
    return "start=" in done.stdout


def esp_of(disk: Path) -> tuple[int, int]:
    """Return start and size of the first partition, in bytes."""
    row = next(line for line in output_of("sfdisk", "--dump", disk).splitlines() if "start=" in line)
    words = row.replace(",", " ").replace("=", " ").split()
    return int(words[words.index("start") + 1]) * 512, int(words[words.index("size") + 1]) * 512


def guid(disk: Path) -> str:
    """Return the GUID of the first partition."""
    return output_of("sfdisk", "--part-uuid", disk, "1").strip().lower()


def output_of(*argv: str | Path) -> str:
    """Return what a program says, which has to be content."""
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60, env=_PATH).stdout


def machine(place: Path, shell: str, medium: Path) -> Guest:
    """Return a machine that booted from an image on the disk `sda`."""
    made = Guest(place, shell, dict(SETTINGS))
    (made.root / "run").mkdir()
    (made.place / "proc").mkdir()
    for name in ("mounts", "swaps", "cmdline"):
        (made.place / "proc" / name).touch()
    insert(made, "sda", medium)
    made.booted_from(guid(medium))
    return made


def insert(guest: Guest, name: str, image: Path) -> None:
    """Let a machine have a copy of an image as a disk."""
    shutil.copyfile(image, guest.disk(name, image.stat().st_size // MIB))


def idle(place: Path, shell: str) -> Guest:
    """Return a machine without disks, for `step`."""
    made = Guest(place, shell, dict(SETTINGS))
    (made.place / "proc").mkdir()
    (made.root / "run").mkdir()
    return made


def step(guest: Guest, script: str, **settings: str) -> str:
    """Return what a script says, in which other steps are replaced, with the words of a command in variables."""
    more = {"auto": "no", "wipe": "no", "yes": "no", "from": "", "to": "", "rule": "", "after": ""}
    more |= {"work": str(guest.place), "medium": f"{guest.place}/dev/sda"} | settings
    return guest.run(f"exec 2>&1\n{script}", **more).replace(f"{guest.place}/", "")


def install(guest: Guest, words: str, answers: str = "", before: str = "") -> tuple[int, str]:
    """Run the command, and return its exit code and what it says."""
    script = f"{before}\nprintf '{answers}' | {{ install_command {words} 2>&1; echo \"code $?\"; }}"
    said, _, code = guest.run(script).rpartition("code ")
    return int(code), said
