"""Compressed archives: what programs make of them, whatever the machine."""

from __future__ import annotations

import lzma
import random
import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from imager.archive import compress, compressors
from imager.core.errors import ToolError, UsageError
from spec.compression import LEVELS
from tests.support.engine import unavailable

pytestmark = pytest.mark.slow

PROGRAMS = {"gz": "pigz", "xz": "xz", "lz4": "lz4", "zstd": "zstd"}
RANDOM = random.Random(0).randbytes(1 << 20)
DATA = RANDOM * 2 + bytes(18 << 20) + random.Random(1).randbytes(1 << 19)
"""More than two jobs of the default level of every program, not in whole pieces."""


def need(text: str) -> None:
    program = PROGRAMS[text.partition(":")[0]]
    if shutil.which(program) is None:
        unavailable(f"{program} is not installed")


def pack(text: str, place: Path, data: bytes = DATA, piece: int = 1 << 20) -> bytes:
    need(text)
    with place.open("w+b") as file:
        with compress.compressing(compress.Compression.parse(text), file.fileno()) as sink:
            for start in range(0, len(data), piece):
                sink.write(data[start : start + piece])
        file.seek(0)
        return file.read()


def unpack_gz(data: bytes) -> bytes:
    """The kernel knows one member only, and no more flags than these."""
    assert data[3] == 0, "neither name nor comment"
    assert data[4:8] == bytes(4), "no time"
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    plain = decoder.decompress(data)
    assert decoder.eof
    assert not decoder.unused_data
    return plain


def unpack_xz(data: bytes) -> bytes:
    assert data[6:8] == b"\x00\x01", "the kernel knows CRC32 only"
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    plain = decoder.decompress(data)
    assert decoder.eof
    assert not decoder.unused_data
    return plain


def unpack_lz4(data: bytes) -> bytes:
    assert data[:4] == bytes.fromhex("02214c18"), "the older format"
    assert data[-4:] == bytes(4), "the kernel finds the end"
    return subprocess.run(["lz4", "-dc"], input=data[:-4], capture_output=True, check=True).stdout


def unpack_zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout


CASES = [
    ("gz", unpack_gz),
    ("gz:1", unpack_gz),
    ("xz:0", unpack_xz),
    ("xz:1", unpack_xz),
    ("lz4", unpack_lz4),
    ("lz4:3", unpack_lz4),
    ("zstd", unpack_zstd),
    ("zstd:10", unpack_zstd),
]


def test_every_kind_of_the_language_is_made() -> None:
    assert list(compressors.KINDS) == list(LEVELS)
    assert {text.partition(":")[0] for text, _ in CASES} == set(LEVELS)


@pytest.mark.parametrize(("text", "unpack"), CASES)
def test_the_same_bytes_on_any_number_of_processors(
    text: str, unpack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = set()
    for cores, piece in ((1, 1 << 20), (2, 77_777), (64, 1 << 24)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        outputs.add(pack(text, tmp_path / "out", piece=piece))
    (packed,) = outputs
    assert len(packed) < len(DATA) / 2
    assert unpack(packed) == DATA


def test_ultra_levels(tmp_path: Path) -> None:
    assert unpack_zstd(pack("zstd:20", tmp_path / "out", b"content")) == b"content"


@pytest.mark.parametrize(
    ("kind", "level", "threads"),
    [
        ("gz", 6, "16"),
        ("xz", 0, "-T+4"),
        ("xz", 6, "-T+4"),
        ("xz", 7, "-T+2"),
        ("xz", 9, "-T+1"),
        ("zstd", 3, "-T4"),
        ("zstd", 19, "-T4"),
        ("zstd", 22, "-T1"),
    ],
)
def test_memory_does_not_grow_with_the_machine(kind: str, level: int, threads: str) -> None:
    """64 processors get as many threads as docs/internals/packing.md measured; two get two where that is fewer."""
    assert threads in compressors.program(kind, level, 64).argv
    few = compressors.program(kind, level, 2).argv
    assert any(word in few for word in ("2", "-T2", "-T+2")) or threads[-1] == "1"


def test_lz4_has_threads_only_where_it_is_slow() -> None:
    workers = [compressors.program("lz4", level, 64).environment["LZ4_NBWORKERS"] for level in (1, 2, 3, 12)]
    assert workers == ["1", "1", "4", "4"]


def test_a_full_disk_below_zstd_is_recognised() -> None:
    need("zstd")
    with (
        Path("/dev/full").open("wb") as full,
        pytest.raises(OSError, match="No space left on device"),
        compress.compressing(compress.Compression("zstd", 1), full.fileno()) as sink,
    ):
        for _ in range(64):
            sink.write(RANDOM[: 1 << 17])


def start(monkeypatch: pytest.MonkeyPatch, *argv: str) -> None:
    monkeypatch.setattr(compressors, "program", lambda *_: compressors.Program(argv))


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(monkeypatch, "/nonexistent/zstd")
    with pytest.raises(ToolError, match=r"the program /nonexistent/zstd is not installed"):
        pack("zstd", tmp_path / "out", b"content")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("cat >/dev/null; echo broken >&2; exit 3", r"sh failed \(exit code 3\): broken"),
        ("kill -9 $$", r"sh failed \(killed by SIGKILL, probably because .* memory\)"),
        ("exit 127", r"sh failed \(the program or one of its libraries is not installed\)"),
    ],
)
def test_a_failing_program_is_quoted(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(monkeypatch, "sh", "-c", script)
    with pytest.raises(ToolError, match=message):
        pack("zstd", tmp_path / "out", b"content")


@pytest.mark.parametrize("text", ["lz5", "zstd:23", "zstd:", "zstd:x", "gz:0", "xz:10", "none:1", "", "zstd:²"])
def test_wrong_compressions_are_named(text: str) -> None:
    with pytest.raises(UsageError):
        compress.Compression.parse(text)


def test_compression_defaults() -> None:
    parse = compress.Compression.parse
    assert [parse(kind).level for kind in ("none", "gz", "xz", "zstd")] == [0, 6, 6, 3]
    assert parse("zstd:22") == compress.Compression("zstd", 22)
