"""The sequence of archives in an initramfs and their layers: which part a byte belongs to."""

from __future__ import annotations

import lzma
import stat
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.support.imager import read_newc

_NEWC, _SQUASHFS, _TRAILER = b"070701", b"hsqs", "TRAILER!!!"
_ZSTD, _LZ4 = b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18"
_MOST = 5


@dataclass(frozen=True)
class Member:
    """A file in an uncompressed archive, or a whole compressed archive; `data` is the start of its content."""

    archive: int
    name: str
    start: int
    data: int
    end: int

    @property
    def is_compressed(self) -> bool:
        """Whether this is a whole archive."""
        return not self.name


def members(initrd: bytes) -> Iterator[Member]:
    """Yield the content of an initramfs in order. Archives count from 1."""
    at, number = 0, 1
    while at < len(initrd):
        if not initrd[at]:
            at += 1
        elif initrd.startswith(_NEWC, at):
            member = _newc(initrd, at, number)
            yield member
            at = member.end
            number += member.name == _TRAILER
        else:
            end = _end_of_compressed(initrd, at)
            yield Member(number, "", at, at, end)
            at, number = end, number + 1


def explain(one: bytes, other: bytes, offset: int) -> str:
    """Describe the part of the byte at `offset`, the first difference, and its effect on the files in that part."""
    mine, others = list(members(one)), list(members(other))
    member = next((each for each in mine if each.start <= offset < each.end), None)
    if member is None:
        return "the gap between two archives"
    place = f"archive {member.archive}"
    if not member.is_compressed:
        where = f"byte {offset - member.data:,}" if offset >= member.data else "its header"
        place += f", {member.name}, {where}"
    same = (each for each in others if (each.archive, each.name) == (member.archive, member.name))
    pair = next(same, None)
    if pair is None:
        return f"{place}: the other has no such member"
    data, data_of_other = one[member.data : member.end], other[pair.data : pair.end]
    if member.is_compressed:
        return f"{place}: {_differing(_unpacked(data), _unpacked(data_of_other))}"
    if data.startswith(_SQUASHFS):
        if offset >= member.data:
            place += f" ({_part_of_squashfs(data, offset - member.data)})"
        return f"{place}: {_differing(_listed(data), _listed(data_of_other))}"
    return place


def _newc(initrd: bytes, at: int, number: int) -> Member:
    size, length = (int(initrd[at + place : at + place + 8], 16) for place in (54, 94))
    name = initrd[at + 110 : at + 109 + length]
    data = at + -(-(110 + length) // 4) * 4
    end = data + -(-size // 4) * 4
    return Member(number, name.decode(errors="replace"), at, data, end)


def _end_of_compressed(initrd: bytes, at: int) -> int:
    """Return the end of a compressed archive; an unknown format includes everything that follows."""
    if initrd.startswith(_ZSTD, at):
        return _end_of_zstd(initrd, at)
    if initrd.startswith(_LZ4, at):
        return _end_of_lz4(initrd, at)
    return len(initrd) - len(_library(initrd[at:])[1])


def _end_of_zstd(initrd: bytes, at: int) -> int:
    """Return the end of a frame, found by following its blocks (RFC 8878, 3.1.1)."""
    flags = initrd[at + 4]
    single = flags >> 5 & 1
    sizes = (single, 2, 4, 8)[flags >> 6]
    at += 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + sizes
    last = 0
    while not last:
        head = int.from_bytes(initrd[at : at + 3], "little")
        last, kind = head & 1, head >> 1 & 3
        at += 3 + (1 if kind == 1 else head >> 3)
    return at + 4 * (flags >> 2 & 1)


def _end_of_lz4(initrd: bytes, at: int) -> int:
    """Return the end of a legacy frame, found by following its blocks (Linux, lib/decompress_unlz4.c)."""
    at += 4
    while size := int.from_bytes(initrd[at : at + 4], "little"):
        at += 4 + size
    return at + 4


def _library(data: bytes) -> tuple[bytes, bytes]:
    """Decompress with the standard library; return the content, and the bytes after it."""
    if data.startswith(b"\x1f\x8b"):
        gz = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return gz.decompress(data), gz.unused_data
    if data.startswith(b"\xfd7zXZ"):
        xz = lzma.LZMADecompressor()
        return xz.decompress(data), xz.unused_data
    return b"", b""


def _unpacked(data: bytes) -> dict[str, object]:
    """Return the members of a compressed archive; empty if it cannot be read."""
    programs = {_ZSTD: "zstd", _LZ4: "lz4"}
    program = programs.get(data[:4])
    if program:
        done = subprocess.run([program, "-dcq"], input=data, capture_output=True, check=False)
        plain = done.stdout
    else:
        plain = _library(data)[0]
    try:
        return {member.name.decode(errors="replace"): member for member in read_newc(plain)}
    except (AssertionError, ValueError):
        return {}


def _part_of_squashfs(data: bytes, offset: int) -> str:
    """Source: Linux, fs/squashfs/squashfs_fs.h."""
    used, inodes, directories = struct.unpack_from("<40xQ16xQQ", data)
    parts = ((96, "superblock"), (inodes, "file data"), (directories, "inodes"), (used, "directories or later tables"))
    return "squashfs: " + next((name for end, name in parts if offset < end), "padding")


def _listed(data: bytes) -> dict[str, object]:
    """Return the entries of a squashfs: a line of `ls` and, for files that can be unpacked here, time and content."""
    with tempfile.TemporaryDirectory() as scratch:
        image, tree = Path(scratch) / "image", Path(scratch) / "tree"
        image.write_bytes(data)
        listing = _said("unsquashfs", "-lln", "-UTC", "-d", "", str(image))
        _said("unsquashfs", "-no-xattrs", "-quiet", "-no-progress", "-d", str(tree), str(image))
        found: dict[str, object] = {}
        for line in listing.splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith("/"):
                path = fields[5].partition(" -> ")[0].strip("/")
                found[path or "."] = (line, _content(tree / path))
    return found


def _said(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, check=False)
    return done.stdout.decode(errors="replace")


def _content(path: Path) -> tuple[int, str]:
    """Return the time and the digest of a file, or empty values if it does not exist."""
    try:
        info = path.lstat()
        return int(info.st_mtime), sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(info.st_mode) else ""
    except OSError:
        return 0, ""


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> str:
    """Name the differences, at most five."""
    if not one or not other:
        return "what is in it cannot be read here"
    wrong = [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    return "other content or metadata of " + ", ".join(wrong[:_MOST]) if wrong else "the same files, packed otherwise"
