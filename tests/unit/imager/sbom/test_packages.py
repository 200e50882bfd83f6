"""What the databases of package managers say."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.rootfs.root import Root
from imager.sbom import packages
from imager.sbom.component import Component, License

DEBIAN = {"ID": "debian", "VERSION_ID": "13"}
ALPINE = {"ID": "alpine", "VERSION_ID": "3.22.1"}
STATUS = """\
Package: libstdc++6
Status: install ok installed
Maintainer: Debian GCC Maintainers <debian-gcc@lists.example>
Architecture: amd64
Source: gcc-14 (14.2.0-19)
Version: 14.2.0-19+b1
Homepage: https://gcc.example/
Description: a library
 Package: fake

Package: kept
Status: hold ok installed
Architecture: all
Version: 1:2.0~rc1-1

Package: half
Status: install reinstreq half-configured
Architecture: amd64
Version: 1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 3

Package: bad name
Status: install ok installed
Version: 1

Package: worse
Status: install ok installed
Version: 1\x1b[2J
"""
INSTALLED = """\
C:Q1abc=
P:musl
V:1.2.5-r10
A:x86_64
L:MIT
o:musl
m:Somebody <somebody@alpine.example>
U:https://musl.example/
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
P:not-a-package

P:libcrypto3
V:3.5.1-r0
A:x86_64
L:Apache-2.0
o:openssl
"""


def installed(root: Path, os_release: dict[str, str]) -> dict[str, Component]:
    return {each.name: each for each in packages.installed(Root(root), os_release)}


COPYRIGHT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
SHARED = COPYRIGHT + "".join(f"License: x{number}\n" for number in range(50_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "text"),
    [
        pytest.param("var/lib/dpkg/status", "Package: p{}\nVersion: 1\n\n", id="many packages"),
        pytest.param("var/lib/dpkg/status", "Package: same\nVersion: 1.{}\n\n", id="of one name"),
        pytest.param("lib/apk/db/installed", "P:p{}\nV:1\n\n", id="of Alpine"),
        pytest.param("var/lib/dpkg/status", "a{}\n\n" * 15, id="no packages"),
        pytest.param("var/lib/dpkg/status", "Package: shared\nVersion: {}\n\n", id="one copyright file for all"),
    ],
)
def test_a_database_costs_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, text: str
) -> None:
    """5 MB of short packages needed 1.1 GB of memory."""
    write(tmp_path / "usr/share/doc/shared/copyright", SHARED)
    write(tmp_path / database, "".join(text.replace("{}", str(number)) for number in range(9_000)))
    monkeypatch.setattr(packages, "_MOST", packages._MOST // 32)  # for the speed of the test
    with pytest.raises(ImagerError, match="say more than a list of its content can have"):
        packages.installed(Root(tmp_path), {})


@pytest.mark.parametrize("database", ["lib/apk/db/installed", "var/lib/dpkg/status"])
@pytest.mark.parametrize(("blocks", "fits"), [(9, True), (10, False)])
def test_what_is_no_package_costs_little_of_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, blocks: int, fits: bool
) -> None:
    """A sixteenth, and 16 bytes: it is read and forgotten."""
    write(tmp_path / database, "\n\n".join(["x" * 16_000] * blocks))
    monkeypatch.setattr(packages, "_MOST", 9 * 1016 + 100)  # of which the other database takes some
    if fits:
        assert packages.installed(Root(tmp_path), {}) == ()
    else:
        with pytest.raises(ImagerError, match="say more than"):
            packages.installed(Root(tmp_path), {})


@pytest.mark.parametrize(("links", "fits"), [(30, True), (50, False)])
def test_a_copyright_file_costs_little_of_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: int, fits: bool
) -> None:
    """A sixteenth: it is read and forgotten."""
    write(tmp_path / "usr/share/doc/one/copyright", "x" * 20_000)
    write(tmp_path / "var/lib/dpkg/status", "".join(f"Package: p{each}\nVersion: 1\n\n" for each in range(links)))
    for number in range(links):
        (tmp_path / f"usr/share/doc/p{number}").symlink_to("one")
    monkeypatch.setattr(packages, "_MOST", 100_000)
    if fits:
        assert len(packages.installed(Root(tmp_path), {})) == links
    else:
        with pytest.raises(ImagerError, match="say more than"):
            packages.installed(Root(tmp_path), {})


def test_what_a_package_costs() -> None:
    """About what it takes in memory, so that the limit is one of memory."""
    licenses = License(expression="MIT", names=("ab", "c"))
    part = Component(
        key="k", kind="package", name="n", version="1", purl="pkg:x", supplier="me", homepage="h", license=licenses
    )
    assert packages._cost(part) == 1000 + 123 + 4 * (2 + 1 + 5 + 3)
    assert packages._MOST == 64 << 20


@pytest.mark.slow
def test_packages_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Counting up from 1 for each, this took a minute."""
    versions = range(20_000)
    write(tmp_path / "var/lib/dpkg/status", "".join(f"Package: p\nVersion: 1.{each}\n\n" for each in versions))
    keys = [each.key for each in packages.installed(Root(tmp_path), {})]
    assert len({*keys}) == len(versions)
    assert keys[:3] == ["deb-p-", "deb-p--2", "deb-p--3"]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_dpkg(tmp_path: Path) -> None:
    write(tmp_path / "var/lib/dpkg/status", STATUS)
    write(tmp_path / "var/lib/dpkg/status.d/base", "Package: distroless\nVersion: 1\nArchitecture: all\n")
    write(tmp_path / "var/lib/dpkg/status.d/base.md5sums", "Package: sums\nVersion: 1\n")
    found = installed(tmp_path, DEBIAN)
    assert sorted(found) == ["distroless", "half", "kept", "libstdc++6"]
    assert found["libstdc++6"] == Component(
        key="deb-libstdc--6-amd64",
        kind="package",
        name="libstdc++6",
        version="14.2.0-19+b1",
        purl="pkg:deb/debian/libstdc%2B%2B6@14.2.0-19%2Bb1?arch=amd64&distro=debian-13&upstream=gcc-14%4014.2.0-19",
        supplier="Debian GCC Maintainers <debian-gcc@lists.example>",
        homepage="https://gcc.example/",
        source="gcc-14",
        source_version="14.2.0-19",
    )
    assert found["kept"].purl == "pkg:deb/debian/kept@1:2.0~rc1-1?arch=all&distro=debian-13"


def test_apk_of_both_places(tmp_path: Path) -> None:
    for database in ("lib/apk/db/installed", "usr/lib/apk/db/installed"):
        write(tmp_path / database, INSTALLED)
    found = installed(tmp_path, ALPINE)
    assert sorted(found) == ["libcrypto3", "musl"]
    assert found["libcrypto3"].purl == (
        "pkg:apk/alpine/libcrypto3@3.5.1-r0?arch=x86_64&distro=alpine-3.22.1&upstream=openssl"
    )
    assert found["musl"].license == License(expression="MIT")
    assert found["musl"].supplier == "Somebody <somebody@alpine.example>"
    assert "upstream" not in found["musl"].purl


def test_rpm_is_told_apart(tmp_path: Path) -> None:
    assert not packages.has_unread_database(Root(tmp_path))
    write(tmp_path / "usr/lib/sysimage/rpm/rpmdb.sqlite", "")
    assert packages.has_unread_database(Root(tmp_path))


def test_no_two_packages_have_one_key(tmp_path: Path) -> None:
    """The name of a package may have letters that a key cannot have."""
    names = ("a+b", "a-b", "a.b")
    write(tmp_path / "var/lib/dpkg/status", "\n\n".join(f"Package: {name}\nVersion: 1" for name in names))
    found = installed(tmp_path, DEBIAN)
    assert {name: each.key for name, each in found.items()} == {
        "a+b": "deb-a-b-",
        "a-b": "deb-a-b--2",
        "a.b": "deb-a.b-",
    }
