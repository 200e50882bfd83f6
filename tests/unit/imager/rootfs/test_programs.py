"""Programs that cannot be started, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.rootfs import elf, programs
from imager.rootfs.root import Root
from tests.support.imager import make_elf

_LOADER = "/lib64/ld-linux-x86-64.so.2"
_ARM64 = 183


def put(system: Path, path: str, data: bytes, mode: int = 0o755) -> None:
    place = system / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    place.chmod(mode)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    put(tmp_path, "/usr/bin/sh", make_elf())
    put(tmp_path, "/usr/bin/env", make_elf())
    (tmp_path / "bin").symlink_to("usr/bin")
    put(tmp_path, "/usr/lib64/ld-linux-x86-64.so.2", make_elf())
    (tmp_path / "lib64").symlink_to("usr/lib64")
    put(tmp_path, "/usr/lib/x86_64-linux-gnu/libc.so.6", make_elf())
    put(tmp_path, "/etc/ld.so.conf", b"# where\ninclude /etc/ld.so.conf.d/*.conf\n")
    put(tmp_path, "/etc/ld.so.conf.d/acme.conf", b"/opt/acme/lib\n")
    put(tmp_path, "/opt/acme/lib/libacme.so.1", make_elf(libraries=("libdeep.so.2",), loader=""))
    return tmp_path


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#!/bin/sh\necho\n", None),
        (b"#! /bin/sh -e\n", None),
        (b"#!/bin/sh", None),
        (b"#!/usr/bin/env -S sh -e\n", None),
        (b"#!/bin/sh\r\necho\r\n", "has the line ends of Windows, so its interpreter is not found: save it"),
        (b"\xef\xbb\xbf#!/bin/sh\n", "starts with a byte order mark, so its #! line is not seen"),
        (b"#!/bin/bash\n", "is a script for /bin/bash, which is not in the system: add its package to `packages`"),
        (b"#!/usr/bin/env python3\n", "is a script for python3, which is not in the system"),
        (b"#!sh\n", "starts with #!sh, which names no interpreter"),
        (b"#!\n", "starts with #!, which names no interpreter"),
        (b"#! \t\n", "names no interpreter"),
        (b"#!/prog\n", "too many scripts start each other"),
        (b"#!/opt/other\n", "cannot start: /opt/other is a script for /bin/ksh, which is not in the system"),
        (b"echo hello\n", "is neither a program nor a script: a script starts with a line such as #!/bin/sh"),
        (b"", "is neither a program nor a script"),
        (make_elf(), None),
        (make_elf(3), None),
        (make_elf(_ARM64), "is a program for arm64, but the system is for amd64"),
        (make_elf(loader=_LOADER)[:150], "is a damaged program: it is cut off"),
        (make_elf(loader=_LOADER, libraries=("libc.so.6",)), None),
        (make_elf(loader="/lib/ld-musl-x86_64.so.1"), "needs the loader /lib/ld-musl-x86_64.so.1, which is not in the"),
        (make_elf(loader=_LOADER, libraries=("libc.so.6", "x.so.1")), "needs the library x.so.1: add its package"),
        (make_elf(loader=_LOADER, libraries=("a.so", "b.so")), "needs the libraries a.so, b.so: add their packages"),
        (make_elf(loader=_LOADER, libraries=("libacme.so.1",)), "needs the library libdeep.so.2: add its package"),
        (make_elf(loader=_LOADER, libraries=("own.so",), paths=("/none", "$ORIGIN/own")), None),
    ],
)  # fmt: skip
def test_why_a_program_cannot_start(system: Path, data: bytes, expected: str | None) -> None:
    put(system, "/prog", data)
    put(system, "/own/own.so", make_elf())
    put(system, "/opt/other", b"#!/bin/ksh\n")
    found = programs.problem(Root(system), "/prog")
    assert expected in found if expected and found else found == expected


def test_a_library_of_another_processor_does_not_count(system: Path) -> None:
    put(system, "/prog", make_elf(loader=_LOADER, libraries=("libz.so.1",)))
    put(system, "/usr/lib/libz.so.1", make_elf(_ARM64))
    assert "libz.so.1" in str(programs.problem(Root(system), "/prog"))
    put(system, "/srv/lib/libz.so.1", make_elf())
    assert programs.problem(Root(system), "/prog", "/srv/lib") is None


def test_musl_is_some_libraries_itself(system: Path) -> None:
    put(system, "/lib/ld-musl-x86_64.so.1", make_elf())
    put(system, "/prog", make_elf(loader="/lib/ld-musl-x86_64.so.1", libraries=("libc.so", "libz.so")))
    assert "needs the library libz.so:" in str(programs.problem(Root(system), "/prog"))
    put(system, "/etc/ld-musl-x86_64.path", b"/srv/a:/srv/b\n")
    put(system, "/srv/b/libz.so", make_elf())
    assert programs.problem(Root(system), "/prog") is None


def test_this_machines_own_programs_can_be_started() -> None:
    for path in ("/bin/sh", "/usr/bin/env", "/bin/cat"):
        found = elf.read(Root(Path("/")), path)
        assert found is not None and found.loader
        assert programs.problem(Root(Path("/")), path) is None
