"""Files that nobody should have written get one clear answer, fast, and never harm."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from frontend.config import ConfigError, load
from frontend.config.syntax.diagnostics import LIMIT

SECONDS = 0.5
"""What no hostile file may take. Measured in CPU time of this process, so that a busy machine does not count."""
NEXT = str.maketrans("abcd", "bcde")


def complaint(data: bytes, seconds: float = SECONDS) -> str:
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load(data, "f.yaml")
    assert time.process_time() - start < seconds
    return str(caught.value)


def bomb() -> bytes:
    """A billion laughs: nine levels of nine aliases."""
    lines = ["x-a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"x-{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    return "\n".join(["base: debian", *lines]).encode()


def merge_bomb() -> bytes:
    keys = ", ".join(f"k{index}: 1" for index in range(1000))
    return f"base: debian\nx-a: &a {{{keys}}}\nx-b: [{', '.join(['{<<: *a}'] * 5000)}]\n".encode()


LARGE = "a build file can have at most 1,048,576 bytes; got {:,}"
DEEP = "values can be nested at most 64 levels deep: make this flatter"
MANY = "a build file can have at most 100,000 values; each use of an alias counts"


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        pytest.param(bomb(), "f.yaml:7:10", MANY, id="aliases"),
        pytest.param(merge_bomb(), "f.yaml:3", MANY, id="merge keys"),
        pytest.param(b"a: x\n" * 2_000_000, "f.yaml:1:1", LARGE.format(10_000_000), id="10 MB"),
        pytest.param(b"[" * 100_000, "f.yaml:1:65", DEEP, id="brackets"),
        pytest.param(b"{" * 100_000, "f.yaml:1:65", DEEP, id="braces"),
        pytest.param(b"- " * 100_000, "f.yaml:1:129", DEEP, id="dashes"),
        pytest.param(b"? " * 100_000, "f.yaml:1:129", DEEP, id="questions"),
        pytest.param("".join(" " * n + "a:\n" for n in range(900)).encode(), "f.yaml:65:65", DEEP, id="indentation"),
        pytest.param(b"\0\1\2base: debian", "f.yaml:1:1", "got a binary file", id="binary"),
        pytest.param("base: debian".encode("utf-16"), "f.yaml:1:1", "got UTF-16", id="utf-16"),
        pytest.param(b"\xef\xbb\xbfbase: debian", "f.yaml:1:1", "without a byte order mark", id="bom"),
        pytest.param(b"base: debian\nname: caf\xe9", "f.yaml:2:10", "got other bytes here", id="latin-1"),
        pytest.param(b"", "f.yaml:1:1", "the build file is empty: add at least a base", id="empty"),
        pytest.param(b"---\n", "f.yaml:1:1", "the build file is empty: add at least a base", id="only a marker"),
        pytest.param(b"base: debian\rname: x\r", "f.yaml:1:13", "must not end with only a carriage return", id="cr"),
        pytest.param(b"base: d\xe2\x80\xa8x", "f.yaml:1:8", "invisible character (U+2028)", id="line separator"),
        pytest.param(b"base: d\x1b[0m", "f.yaml:1:8", "invisible character (U+001B)", id="escape"),
    ],
)
def test_one_answer(data: bytes, place: str, message: str) -> None:
    found = complaint(data)
    assert found.startswith(place)
    assert message in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"base: debian\nfiles:\n  ? " + b"/a" * 400_000 + b"\n  : x\n", id="path"),
        pytest.param(b"base: " + b"a-" * 500_000, id="base"),
        pytest.param(b"base: {image: " + b"a.a" * 300_000 + b"!}", id="image"),
        pytest.param(b"base: debian\nhostname: " + b"a." * 500_000, id="hostname"),
        pytest.param(b"base: debian\nusers: [{name: a, uid: " + b"1" * 900_000 + b"}]", id="uid"),
        pytest.param(b"base: debian\nusers: [{name: a, password: $y$" + b"$" * 900_000 + b"}]", id="password"),
        pytest.param(b"base: debian\n" + b"a" * 900_000 + b": 1\n", id="key"),
        pytest.param(b"# check=" + b" " * 900_000 + b"x\nbase: debain\n", id="directive"),
        pytest.param(b"base: debian\nrun: ['" + b" " * 900_000 + b"']", id="blank script"),
        pytest.param(b'base: debian\nx: "' + b"x\n" * 400_000, id="open quote"),
        pytest.param(b"base: debian\nfiles: {/a: '" + b"a${X}\n\n" * 140_000 + b"'}", id="arguments"),
    ],
)
def test_a_long_value_is_refused_and_not_repeated(data: bytes) -> None:
    assert len(complaint(data)) < 1000


def test_problems_are_counted() -> None:
    found = complaint(b"base: debian\n" + b"".join(b"kei%d: 1\n" % index for index in range(5000)))
    assert len(found.splitlines()) == LIMIT + 1
    assert found.endswith(f"stopped after {LIMIT} problems: there may be more")


def test_a_large_honest_file_is_fast() -> None:
    users = "".join(
        f"  - name: u{n}\n    uid: {n + 1000}\n    shell: /bin/sh\n    groups: [a, b]\n" for n in range(500)
    )
    data = f"base: debian\nusers:\n{users}".encode()
    assert data.count(b"\n") > 2000
    seconds = []
    for _ in range(3):
        start = time.process_time()
        load(data, "f.yaml")
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1


def test_import_loads_nothing_that_only_errors_need() -> None:
    code = "import sys, frontend.config; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "spec" in loaded
    assert not {"difflib", "ipaddress", "llb", "grpc", "google", "asyncio", "unittest"} & set(loaded)


def test_text_grows_no_further_through_aliases() -> None:
    text = "x" * 500_000
    places = "\n".join(f"  /{number}: *a" for number in range(2000))
    assert "at most 8,388,608 characters; each use of an alias counts" in complaint(
        f"base: debian\nx-a: &a {text}\nfiles:\n{places}\n".encode()
    )


@pytest.mark.slow
def test_text_grows_no_further_through_arguments() -> None:
    places = "".join(f"  /{number}: '${{A}}'\n" for number in range(40_000))
    data = f"base: debian\nargs: {{A: {'x' * 100_000}}}\nfiles:\n{places}".encode()
    assert "arguments make the values of this file larger than 16 MiB" in complaint(data, seconds=5)


@pytest.mark.slow
def test_profiles_are_counted_before_they_are_checked() -> None:
    profiles = "".join(f"  p{number}: {{}}\n" for number in range(29_000))
    assert "at most 64 profiles" in complaint(f"base: debian\nprofiles:\n{profiles}".encode(), seconds=5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "files"),
    [
        pytest.param(
            lambda name: "x-a: b" if name == "e" else f"include: [{', '.join([name.translate(NEXT)] * 10)}]",
            100,
            id="ten wide, deep",
        ),
        pytest.param(lambda _: f"x-a: {'y' * 900_000}", 5, id="large"),
        pytest.param(lambda _: f"x-a: [{', '.join('y' * 30_000)}]", 4, id="many values"),
    ],
)
def test_includes_are_counted_however_they_are_arranged(file: Callable[[str], str], files: int) -> None:
    read: list[str] = []

    def reader(name: str) -> bytes:
        read.append(name)
        return file(name).encode()

    with pytest.raises(ConfigError) as caught:
        load(f"base: debian\ninclude: [{', '.join(['a'] * 200)}]".encode(), "f.yaml", read=reader)
    assert len(caught.value.lines) == 1
    assert "can include at most 100 files with 4,194,304 bytes and 100,000 values in all" in str(caught.value)
    assert len(read) == files
