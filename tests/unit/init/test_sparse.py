"""Our init moves the data of files with holes to its places: the C code itself, in a program for this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imager.core import sparse
from imager.core.sparse import BLOCK, Condensed, Ranges
from imager.initramfs import holes
from tests.support.engine import REPOSITORY, unavailable

pytestmark = pytest.mark.slow

MAIN = r"""
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include "sparse.h"

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

int main(int count, char **arguments)
{
    (void)count;
    sparse_restore(open(arguments[1], O_RDONLY));
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("init")
    (folder / "main.c").write_text(MAIN)
    sources = [str(REPOSITORY / "init" / name) for name in ("sparse.c", "listing.c")]
    flags = ["-std=gnu11", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover", "-Wall", "-Wextra", "-Werror"]
    words = ["gcc", *flags, f"-I{REPOSITORY / 'init'}", "-o", str(folder / "program"), str(folder / "main.c"), *sources]
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        unavailable("gcc is not installed")
    return folder / "program"


def restore(program: Path, records: bytes) -> str:
    """Run the program with a list; return what it says."""
    listed = program.parent / "list"
    listed.write_bytes(records)
    done = subprocess.run([program, listed], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode(errors="replace")  # names of noise


def condense(place: Path, content: bytes, ranges: Ranges) -> Condensed:
    """Make a file as it is packed."""
    place.write_bytes(b"".join(content[start : start + length] for start, length in ranges))
    os.utime(place, (77, 77))
    place.chmod(0o4755)
    return Condensed(len(content), ranges)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), max_size=12), st.integers(0, 5))
def test_any_file_comes_back(program: Path, blocks: list[bool], rest: int) -> None:
    content = b"".join(os.urandom(BLOCK) if data else bytes(BLOCK) for data in blocks) + b"\0" * rest
    place = program.parent / "file"
    place.write_bytes(content)
    ranges = sparse.ranges_of(os.fsencode(place), len(content)) if content else ()
    record = holes.records({str(place)[1:]: condense(place, content, ranges)})
    assert restore(program, record + record) == ""  # again under another name
    assert place.read_bytes() == content
    status = place.stat()
    assert (status.st_mode & 0o7777, status.st_mtime) == (0o4755, 77)
    assert status.st_blocks * 512 <= sum(blocks) * BLOCK + 16384


def test_a_huge_file(program: Path, tmp_path: Path) -> None:
    size = 550 << 30
    (tmp_path / "huge").write_bytes(b"a" * BLOCK + b"b" * BLOCK)
    ranges = ((3 << 30, BLOCK), (size - BLOCK, BLOCK))
    assert restore(program, holes.records({str(tmp_path / "huge")[1:]: Condensed(size, ranges)})) == ""
    assert (tmp_path / "huge").stat().st_size == size
    assert sparse.ranges_of(os.fsencode(tmp_path / "huge"), size) == ranges


def test_files_that_are_not_as_listed(program: Path, tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"x")
    (tmp_path / "odd").write_bytes(bytes(2 * BLOCK))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("short")
    listed = {name: Condensed(9 * BLOCK, ((BLOCK, BLOCK),)) for name in ("short", "gone", "link")}
    listed["odd"] = Condensed(9 * BLOCK, ((2 * BLOCK, BLOCK), (0, BLOCK)))
    said = restore(program, holes.records({f"{tmp_path}/{name}"[1:]: file for name, file in listed.items()}))
    assert [line.split()[5].rpartition("/")[2].rstrip(",") for line in said.split("\n")[:-1]] == sorted(listed)
    assert (tmp_path / "short").read_bytes() == b"x"


@settings(max_examples=15, deadline=None)  # the campaign tries more
@given(st.binary(max_size=80), st.integers(0, 80))
def test_damaged_lists(program: Path, noise: bytes, cut: int) -> None:
    place = program.parent / "target"
    place.write_bytes(b"x" * 64)
    record = holes.records({str(place)[1:]: Condensed(128, ((64, 64),))})
    head = str(place).encode() + b"\0"
    for damaged in (record[:cut], noise, head + noise, record[: len(head) + 8] + noise):
        restore(program, damaged)
