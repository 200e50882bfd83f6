"""Small inputs for the imager, and readers for its outputs that share no code with it."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imager.disk import efi
from imager.requests.outputs import Efi
from imager.requests.packing import Uki
from imager.uki import sections

EPOCH = 1_700_000_000
MACHINES = {"amd64": 0x8664, "arm64": 0xAA64}


def make_pe(architecture: str = "amd64", *, room: int = 0x400, symbols: bytes = b"") -> bytes:
    """Return a PE32+ program with one section, `room` bytes for headers, and an optional symbol table."""
    text = b"\xc3".ljust(0x200, b"\x90")
    table = room + len(text) if symbols else 0
    coff = struct.pack("<HHIIIHH", MACHINES[architecture], 1, 0, table, len(symbols), 240, 0x22E)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        *(0x20B, 1, 0, 0x200, 0, 0, 0x1000, 0x1000),
        *(0, 0x1000, 0x200, 0, 0, 1, 0, 0, 0, 0),
        *(0x2000, room, 0xDEAD, 10, 0, 0, 0, 0, 0, 0, 16),
    ).ljust(240, b"\0")
    section = struct.pack("<8sIIII12xI", b".text", len(text), 0x1000, len(text), room, 0x60000020)
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0" + coff + optional + section
    return head.ljust(room, b"\0") + text + symbols


def make_kernel(version: str = "6.1.0-1-amd64", architecture: str = "amd64") -> bytes:
    """Return data that looks like a bzImage with an EFI stub."""
    kernel = bytearray(make_pe(architecture, room=0x800).ljust(0x1000, b"k"))
    kernel[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", kernel, 0x20E, 0x500)
    text = f"{version} (somebody@somewhere) #1 SMP\0".encode()
    kernel[0x700 : 0x700 + len(text)] = text
    return bytes(kernel)


def output_of(request: Uki, place: Path) -> Efi:
    """Return the request for the whole program at `place`."""
    return Efi(uki=request.output, output=str(place), architecture=request.architecture, epoch=request.epoch)


def join(request: Uki, place: Path) -> bytes:
    """Lay a UKI out, write it to `place`, and return its bytes."""
    sections.run(request)
    efi.run(output_of(request, place))
    return place.read_bytes()


def layout_of(place: Path) -> Path:
    """Return a layout of the program with an arbitrary digest, so that a test need not read a huge program."""
    layout = place.with_suffix(".json")
    piece = {"at": 0, "path": str(place), "size": place.stat().st_size, "start": 0}
    found = {"architecture": "amd64", "digest": "00" * 32, "pieces": [piece], "sections": {}, "size": piece["size"]}
    layout.write_text(json.dumps(found))
    return layout


def make_elf(
    machine: int = 62,
    *,
    loader: str = "",
    libraries: Sequence[str] = (),
    paths: Sequence[str] = (),
    runpath: bool = True,
) -> bytes:
    """Return a program that names a loader, libraries and where these are: of 64 bits, loaded as it is in the file."""
    strings = b"\0".join(text.encode() for text in ("", *libraries, ":".join(paths), loader)) + b"\0"
    count = 3 if loader or libraries else 1
    at = 64 + 56 * count
    entries = [(5, at)] + [(1, strings.index(f"\0{name}\0".encode()) + 1) for name in libraries]
    if paths:
        entries.append((29 if runpath else 15, strings.index(f"\0{':'.join(paths)}\0".encode()) + 1))
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in (*entries, (0, 0)))
    end = at + len(strings) + len(dynamic)
    interpreter = (3, at + len(strings) - len(loader) - 1, len(loader) + 1)
    segments = [(1, 0, end), (2, at + len(strings), len(dynamic)), interpreter][:count]
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    table = b"".join(struct.pack("<IIQQQQQQ", kind, 4, at, at, at, size, size, 1) for kind, at, size in segments)
    return head + table + strings + dynamic


def make_system(path: Path, *, kernel: str = "6.1.0-1-amd64") -> Path:
    """Create a system with a kernel, an init and an os-release."""
    for directory in ("boot", "etc", "usr/sbin", f"usr/lib/modules/{kernel}"):
        (path / directory).mkdir(parents=True)
    (path / "boot" / f"vmlinuz-{kernel}").write_bytes(make_kernel(kernel))
    (path / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian 13"\n')
    (path / "usr/sbin/init").write_bytes(make_elf()[:20])
    (path / "sbin").symlink_to("usr/sbin")
    return path


@dataclass(frozen=True)
class Member:
    """One entry of a cpio archive."""

    name: bytes
    ino: int
    mode: int
    uid: int
    gid: int
    nlink: int
    mtime: int
    dev: tuple[int, int]
    rdev: tuple[int, int]
    data: bytes


def read_newc(archive: bytes) -> list[Member]:
    """Return the entries of a newc archive; it must be strictly valid and end right after its trailer."""
    members: list[Member] = []
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701", at
        assert at % 4 == 0
        numbers = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        ino, mode, uid, gid, nlink, mtime, size, major, minor, rmajor, rminor, length, check = numbers
        name = archive[at + 110 : at + 110 + length]
        assert name.endswith(b"\0")
        assert check == 0
        at += -(-(110 + length) // 4) * 4
        data = archive[at : at + size]
        assert len(data) == size
        assert not archive[at + size : at + -(-size // 4) * 4].strip(b"\0")
        at += -(-size // 4) * 4
        if name == b"TRAILER!!!\0":
            assert at == len(archive)
            return members
        members.append(Member(name[:-1], ino, mode, uid, gid, nlink, mtime, (major, minor), (rmajor, rminor), data))


def read_sections(program: bytes) -> dict[str, tuple[int, int, bytes]]:
    """Return address, flags and content of each section of a PE program."""
    (start,) = struct.unpack_from("<I", program, 0x3C)
    count, optional = struct.unpack_from("<2xH12xH", program, start + 4)
    found = {}
    for index in range(count):
        at = start + 24 + optional + 40 * index
        name, size, address, stored, offset, flags = struct.unpack_from("<8sIIII12xI", program, at)
        assert offset % 0x200 == 0
        assert offset + stored <= len(program)
        found[name.rstrip(b"\0").decode()] = (address, flags, program[offset : offset + size])
    return found


def read_fat(image: bytes) -> dict[str, bytes]:
    """Return the files of a FAT16 or FAT32, found by following directories and cluster chains."""
    per_sector, per_cluster, reserved, fats, root, small, fat16 = struct.unpack_from("<HBHBHHxH", image, 11)
    big, fat32 = struct.unpack_from("<II", image, 32)
    fat = fat16 or fat32
    data = reserved + fats * fat + root * 32 // per_sector
    clusters = ((small or big) - data) // per_cluster
    kind, width = ("<I", 4) if clusters >= 65525 else ("<H", 2)
    end = 0x0FFFFFF8 if width == 4 else 0xFFF8
    step = per_sector * per_cluster

    def chain(cluster: int) -> bytes:
        content = []
        while cluster < end:
            assert 2 <= cluster < clusters + 2
            start = data * per_sector + (cluster - 2) * step
            content.append(image[start : start + step])
            (cluster,) = struct.unpack_from(kind, image, reserved * per_sector + cluster * width)
        return b"".join(content)

    def files(directory: bytes, prefix: str) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for at in range(0, len(directory), 32):
            entry = directory[at : at + 32]
            if entry[0] == 0:
                break
            high, low, size = struct.unpack_from("<H4xHI", entry, 20)
            stem, extension = entry[:8].decode().rstrip(), entry[8:11].decode().rstrip()
            name = f"{prefix}/{stem}" + (f".{extension}" if extension else "")
            if entry[11] & 0x08 or stem.startswith("."):
                continue
            content = chain(high << 16 | low)
            found |= files(content, name) if entry[11] & 0x10 else {name: content[:size]}
        return found

    (root_cluster,) = struct.unpack_from("<I", image, 44)
    start = (reserved + fats * fat) * per_sector
    top = chain(root_cluster) if width == 4 else image[start : start + root * 32]
    return files(top, "")
