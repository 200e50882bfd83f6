"""The partitions of an image as files, and what other programs say of the file systems in them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

_PATH = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
_CHUNK = 1 << 20


def partitions(image: Path, name: str = "partition") -> list[Path]:
    """Copy the partitions of an image into files beside it, and return these."""
    found = json.loads(_run("sfdisk", "--json", image).stdout)
    copies = []
    for number, each in enumerate(found["partitiontable"]["partitions"], 1):
        copies.append(image.with_name(f"{name}-{number}"))
        copy_range(image, copies[-1], each["start"] * 512, each["size"] * 512)
    return copies


def copy_range(image: Path, target: Path, start: int, size: int) -> None:
    """Copy a part of an image. What is zeros takes no space."""
    with image.open("rb") as source, target.open("wb") as copy:
        source.seek(start)
        for at in range(0, size, _CHUNK):
            if (chunk := source.read(min(_CHUNK, size - at))).strip(b"\0"):
                copy.seek(at)
                copy.write(chunk)
        copy.truncate(size)


def fat_of(tree: Path, image: Path, label: str, mebibytes: int = 0) -> Path:
    """Make an image that is a FAT32 with a tree, as large as it has to be if nobody says how large."""
    needed = sum(file.stat().st_size for file in tree.rglob("*") if file.is_file()) // 1024 + 36 * 1024
    _run("mkfs.fat", "-F", "32", "-n", label, "-C", image, str(mebibytes * 1024 or needed))
    if found := sorted(tree.iterdir()):
        _run("mcopy", "-s", "-i", image, *found, "::/")
    return image


def complaint(part: Path) -> str:
    """Return what fsck says of a FAT or an ext4, nothing if it is clean. It repairs nothing."""
    done = _run(*(("fsck.fat", "-n") if _is_fat(part) else ("e2fsck", "-fn")), part, codes=range(16))
    return done.stdout.strip() if done.returncode else ""


def repair(part: Path) -> None:
    """Repair a FAT or an ext4, as the machine does (imager/guest)."""
    if _is_fat(part):
        for _ in range(3):
            _run("fsck.fat", "-a", part, codes=range(4))
    elif _run("e2fsck", "-p", part, codes=range(16)).returncode > 3:
        assert any(_run("e2fsck", "-f", "-y", part, codes=range(16)).returncode < 4 for _ in range(3))


def _is_fat(part: Path) -> bool:
    with part.open("rb") as file:
        return file.read(512)[510:] == b"\x55\xaa"


def files(part: Path, directory: str = "") -> dict[str, str]:
    """Return the digest of each file of a directory of a FAT, by name, as mtools(1) sees it."""
    listed = _run("mdir", "-b", "-i", part, f"::/{directory}", codes=range(2)).stdout.splitlines()
    names = [line.rpartition("/")[2] for line in listed if not line.endswith("/")]
    return {name: hashlib.sha256(content(part, f"{directory}/{name}")).hexdigest() for name in names}


def content(part: Path, path: str) -> bytes:
    """Return a file of a FAT."""
    argv = ("mcopy", "-i", str(part), f"::/{path}", "-")
    return subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout


def digest(file: Path) -> str:
    """Return the digest of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _run(*argv: str | Path, codes: range = range(1)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, env=_PATH, check=False)
    assert done.returncode in codes, f"{argv[0]}: {done.stdout}{done.stderr}"
    return done
