"""The layers that real programs make, read back with those of others; and what is said when they fail."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from imager.archive import cpio, squashfs
from imager.archive.compress import Compression
from imager.core import output, tools
from imager.core.errors import ToolError
from imager.failure import FAILED, attempt
from imager.initramfs import layer_archive, layers
from imager.requests.packing import Layer
from imager.rootfs import tree
from tests.support.engine import unavailable
from tests.support.imager import EPOCH, make_system, read_newc
from tests.support.vm import require_tool

KINDS = {"gz:1": 1, "xz": 4, "zstd": 6, "zstd:19": 6}
"""How a squashfs names them (Linux, fs/squashfs/squashfs_fs.h)."""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    require_tool("tar2sqfs", "unsquashfs")
    system = make_system(tmp_path / "system")
    source = random.Random(0)
    for index in range(40):
        (system / f"etc/{index}").write_bytes(source.randbytes(3000).hex().encode() * (index % 4 * 50 + 1))
    (system / "etc/noise").write_bytes(source.randbytes(700_000))
    (system / "etc/again").write_bytes((system / "etc/noise").read_bytes())
    return system


def pack(system: Path, compression: str = "zstd", **more: object) -> Path:
    out = system.parent / "layer"
    layers.run(Layer(system=str(system), output=str(out), compression=compression, epoch=EPOCH, **more))  # type: ignore[arg-type]
    return out


def listed(layer: Path) -> list[list[str]]:
    argv = ["unsquashfs", "-lln", "-UTC", "-d", "", str(layer)]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split(maxsplit=5) for line in lines]


TAR2SQFS = "tar2sqfs --quiet --force --no-skip --compressor {} --block-size 262144 --num-jobs 3 --queue-backlog 10"
LARGE = TAR2SQFS.replace("262144", "1048576")
MKSQUASHFS = (
    "mksquashfs - out -tar -noappend -mkfs-time 0 -b 262144 {} -root-mode 750 -root-time 5 -root-uid 7 -root-gid 8 "
    "-read-queue 4 -fragment-queue 4 -write-queue 16 -processors 3 -exit-on-error -quiet -no-progress"
)


@pytest.mark.parametrize(
    ("compression", "expected"),
    [
        ("zstd", f"{TAR2SQFS.format('zstd --comp-extra level=')} --exportable out"),
        ("zstd:15", f"{TAR2SQFS.format('zstd --comp-extra level=15')} --exportable out"),
        ("zstd:16", f"{LARGE.format('zstd --comp-extra level=16')} --exportable out"),
        ("zstd:19", f"{LARGE.format('zstd --comp-extra level=19')} --exportable out"),
        ("gz:1", f"{TAR2SQFS.format('gzip --comp-extra level=1')} --exportable out"),
        ("xz", f"{LARGE.format('xz')} --exportable out"),
        ("lz4", MKSQUASHFS.format("-comp lz4")),
        ("none", MKSQUASHFS.format("-no-compression")),
    ],
)
@pytest.mark.parametrize(("processors", "threads"), [(1, 1), (3, 3), (4, 4), (5, 4)])
def test_what_the_programs_are_told(
    monkeypatch: pytest.MonkeyPatch, compression: str, expected: str, processors: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    chosen = Compression.parse(compression)
    root = tree.synthetic_entry(b".", 0o40750)._replace(uid=7, gid=8, mtime=5)
    expected = expected.replace("level= ", f"level={chosen.level} ")
    expected = expected.replace(
        "--num-jobs 3 --queue-backlog 10", f"--num-jobs {threads} --queue-backlog {2 * threads + 4}"
    )
    expected = expected.replace("-processors 3", f"-processors {threads}")
    assert " ".join(squashfs.program(chosen, root, "out")) == expected


@pytest.mark.slow
@pytest.mark.parametrize("compression", KINDS)
def test_a_layer_holds_the_system(compression: str, system: Path) -> None:
    layer = pack(system, compression)
    assert int.from_bytes(layer.read_bytes()[20:22], "little") == KINDS[compression]
    place = system.parent / "unpacked"
    subprocess.run(["unsquashfs", "-quiet", "-no-progress", "-d", str(place), str(layer)], check=True)
    for path in (system / "etc").iterdir():
        assert (place / "etc" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (place / "sbin").readlink() == Path("usr/sbin")


def test_the_file_is_the_end_of_an_archive(system: Path) -> None:
    layer = pack(system, number=12)
    data = layer.read_bytes()
    size = squashfs.size(layer)
    assert size % 4096 == 0
    members = read_newc(layer_archive.head(layer, 12, EPOCH) + data)
    assert [member.name for member in members] == [b".claylinux/layers/12.img", b".claylinux/layers/12.xattrs"]
    assert members[0].data == data[:size]
    assert {(member.mode, member.mtime) for member in members} == {(0o100600, EPOCH)}
    assert output.digest(layer).hex() == (system.parent / "layer.sha256").read_text()


@pytest.mark.parametrize("below", [False, True])
def test_the_root_directory_is_that_of_the_system(below: bool, system: Path) -> None:
    """Of a layer without any change, too: the topmost decides."""
    if os.geteuid() != 0:
        unavailable("only root can give files away")
    os.chown(system, 7, 1 << 31)
    system.chmod(0o1750)
    os.utime(system, (1_000_000_000, 1_000_000_000))
    rows = listed(pack(system, **({"below": str(system)} if below else {})))
    root = next(row for row in rows if len(row) == 5 or not row[5].strip("/"))
    assert root[:2] == ["drwxr-x--T", "7/2147483648"]
    assert root[3:5] == ["2001-09-09", "01:46"]
    assert (len(rows) == 1) is below


def test_the_same_bytes_on_any_number_of_processors(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = set()
    for cores in (1, 2, 64):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        made.add(pack(system).read_bytes())
    assert len(made) == 1


def test_memory_does_not_grow_with_the_machine(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    root = next(tree.walk(os.fsencode(system)))
    words = squashfs.program(Compression.parse("gz:3"), root, "image")
    assert words == (
        *("tar2sqfs", "--quiet", "--force", "--no-skip", "--compressor", "gzip", "--comp-extra", "level=3"),
        *("--block-size", "262144", "--num-jobs", "4", "--queue-backlog", "12", "--exportable", "image"),
    )
    assert "level=9" in squashfs.program(Compression.parse("zstd:9"), root, "image")
    for kind, word in (("none", "-no-compression"), ("lz4", "lz4")):
        words = squashfs.program(Compression.parse(kind), root, "image")
        assert words[:3] == ("mksquashfs", "-", "image")
        assert word in words
        assert words[words.index("-processors") + 1] == "4"


def test_files_with_one_checksum_stay_apart(system: Path) -> None:
    """The program looks for equal blocks and ends of files by a checksum of 32 bits, and must compare them then."""
    for size in (3000, 1 << 18, 600_000):
        for name, data in zip("ab", colliding(size), strict=True):
            (system / f"etc/{name}{size}").write_bytes(data)
    place = system.parent / "unpacked"
    subprocess.run(["unsquashfs", "-quiet", "-no-progress", "-d", str(place), str(pack(system))], check=True)
    for path in (system / "etc").iterdir():
        assert (place / "etc" / path.name).read_bytes() == path.read_bytes(), path.name


def colliding(size: int) -> tuple[bytes, bytes]:
    """Make two byte strings of the same XXH32: the second of two stripes undoes what the first does to a lane."""
    one, two, mask = 2654435761, 2246822519, (1 << 32) - 1

    def lane(state: int, data: bytes | bytearray) -> int:
        state = (state + int.from_bytes(data, "little") * two) & mask
        return (state << 13 | state >> 19) * one & mask

    first = bytearray(random.Random(size).randbytes(size))
    other = bytearray(first)
    other[0] ^= 1
    start = (one + two) & mask
    gap = (lane(start, first[:4]) - lane(start, other[:4])) * pow(two, -1, 1 << 32)
    word = (int.from_bytes(first[16:20], "little") + gap) & mask
    other[16:20] = word.to_bytes(4, "little")
    assert first != other
    return bytes(first), bytes(other)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "disk", place], check=False).returncode:
        unavailable("cannot mount a tmpfs")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_recognised(system: Path, small_disk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The program says "I/O error" only."""
    request = Layer(system=str(system), output=str(small_disk / "layer"), epoch=EPOCH)
    assert attempt("imager", lambda: layers.run(request), request) == FAILED
    assert f"no space left on the builder while writing {small_disk / 'layer'}: free some" in capfd.readouterr().err
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("head -c 5000 >/dev/null; echo broken >&2; exit 1", r"^tar2sqfs failed \(exit code 1\): broken$"),
        ("kill -9 $$", r"^tar2sqfs failed \(killed by SIGKILL, probably because the builder ran out of memory\)$"),
        ("exit 127", r"^tar2sqfs failed \(the program or one of its libraries is not installed\)$"),
    ],
)
def test_a_failing_program_is_quoted(script: str, message: str, system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (system.parent / "bin").mkdir()
    program = system.parent / "bin/tar2sqfs"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setitem(tools._ENVIRONMENT, "PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(ToolError, match=message):
        pack(system)
    assert sorted(path.name for path in system.parent.iterdir()) == ["bin", "system"]


def test_a_broken_stream_is_refused(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put_half(stream: layers.TarWriter, entry: tree.Entry) -> None:
        stream._writer.put(b"no header".ljust(512, b"x"))

    monkeypatch.setattr(layers.TarWriter, "add", put_half)
    with pytest.raises(ToolError, match=r"^tar2sqfs failed \(exit code 1\): input is not a ustar tar archive!$"):
        pack(system)
    assert [path.name for path in system.parent.iterdir()] == ["system"]


def test_a_file_that_cannot_be_read_leaves_nothing(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(stream: layers.TarWriter) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(layers.TarWriter, "close", fail)
    with pytest.raises(OSError, match="Input/output error"):
        pack(system)
    assert [path.name for path in system.parent.iterdir()] == ["system"]


def test_padding_is_no_part_of_the_file_system(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"hsqs" + bytes(36) + (4097).to_bytes(8, "little") + bytes(12_000))
    assert squashfs.size(tmp_path / "layer") == 8192
    assert layer_archive.head(tmp_path / "layer", 0, EPOCH).startswith(cpio.MAGIC)
