"""Directories that are copied into a system with links to directories."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from imager.__main__ import main
from imager.requests.files import Tree
from imager.rootfs import xattrs
from spec.files import Directory
from spec.values.types import Owner

ROOT = Owner(user=0, group=0)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """Return a system with the links that Debian has."""
    top = tmp_path / "system"
    for name in ("etc", "usr/bin", "usr/lib", "run", "var", "srv/data"):
        (top / name).mkdir(parents=True)
    for name, target in (("bin", "usr/bin"), ("lib", "usr/lib"), ("var/run", "/run"), ("gone", "usr/gone")):
        (top / name).symlink_to(target)
    (top / "etc/passwd").write_text("www-data:x:33:44::/:/bin/sh\n")
    (top / "usr/bin/tool").write_text("old")
    (top / "srv/data/file").write_text("old")
    return top


@pytest.fixture
def source(tmp_path: Path) -> Path:
    top = tmp_path / "source"
    top.mkdir()
    return top


def put(top: Path, **files: str) -> None:
    for name, text in files.items():
        path = top / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def copy(system: Path, source: Path, path: str = "/", mode: int | None = None, owner: Owner | None = ROOT) -> int:
    wanted = Directory(mode=mode, owner=owner)
    return main(list(Tree(system=str(system), source=str(source), path=path, wanted=wanted, epoch=1000).argv()))


def test_directories_go_through_the_links_of_the_system(system: Path, source: Path) -> None:
    put(source, bin__acme="new", lib__firmware__fw="fw", bin__tool="new", gone__x="made")
    assert copy(system, source) == 0
    assert [(system / name).is_symlink() for name in ("bin", "lib", "gone")] == [True] * 3
    assert (system / "usr/bin/acme").read_text() == (system / "usr/bin/tool").read_text() == "new"
    assert (system / "usr/lib/firmware/fw").read_text() == "fw"
    assert (system / "usr/gone/x").read_text() == "made"
    assert (system / "usr/bin/acme").stat().st_mtime == 1000


def test_a_directory_that_is_there_keeps_its_mode(system: Path, source: Path) -> None:
    put(source, file="new")
    top = system / "srv/data"
    top.chmod(0o711)
    assert copy(system, source, "/srv/data") == 0
    assert (stat.S_IMODE(top.stat().st_mode), (top / "file").read_text()) == (0o711, "new")
    assert copy(system, source, "/srv/more") == 0
    assert stat.S_IMODE((system / "srv/more").stat().st_mode) == 0o755


def test_links_of_the_source_stay_links_and_replace_links_and_files(system: Path, source: Path) -> None:
    (source / "bin").symlink_to("usr/bin")
    (source / "usr/bin").mkdir(parents=True)
    (source / "usr/bin/tool").symlink_to("/opt/tool")
    put(source, usr__bin__acme="new")
    assert copy(system, source) == 0
    assert ((system / "bin").readlink(), (system / "usr/bin/tool").readlink()) == (Path("usr/bin"), Path("/opt/tool"))
    assert (system / "usr/bin/acme").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "path", "message"),
    [
        ("bin", "/", "the source has a file bin, but the system has a directory /usr/bin, through the link /bin"),
        ("srv__data", "/", "the source has a file srv/data, but the system has a directory /srv/data"),
        ("bin__tool__x", "/", "the source has a directory bin/tool, but the system has a file /usr/bin/tool, through"),
        ("x", "/etc/passwd", "the source has a directory ., but the system has a file /etc/passwd"),
    ],
)
def test_what_the_system_has_is_not_replaced_by_another_kind(
    system: Path, source: Path, capsys: pytest.CaptureFixture[str], name: str, path: str, message: str
) -> None:
    put(source, **{name: "x"})
    assert copy(system, source, path) == 1
    assert f"files: {path}: {message}" in capsys.readouterr().err
    assert (system / "bin").is_symlink()


def test_a_link_does_not_replace_a_directory_with_files(
    system: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "srv").mkdir()
    (source / "srv/data").symlink_to("/mnt")
    assert copy(system, source) == 1
    assert "the source has a link srv/data, but the system has a directory /srv/data" in capsys.readouterr().err


def test_modes_owners_names_and_attributes_stay(system: Path, source: Path) -> None:
    put(source, opt__a="1")
    (source / "opt").chmod(0o2750)
    (source / "opt/a").chmod(0o4711)
    (source / "opt/b").hardlink_to(source / "opt/a")
    os.mkfifo(source / "opt/pipe", 0o600)
    os.setxattr(source / "opt/a", "user.acme", b"yes")
    os.chown(source / "opt/a", 12, 34)
    (source / "opt/a").chmod(0o4711)
    assert copy(system, source, owner=None) == 0
    found = (system / "opt/a").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_nlink) == (0o4711, 12, 34, 2)
    assert stat.S_IMODE((system / "opt").stat().st_mode) == 0o2750
    assert stat.S_ISFIFO((system / "opt/pipe").stat().st_mode)
    assert xattrs.read(os.fsencode(system / "opt/a")) == (("user.acme", b"yes"),)


def test_a_mode_lets_those_enter_directories_who_may_read_them(system: Path, source: Path) -> None:
    put(source, www__index="1")
    assert copy(system, source, "/srv/new", mode=0o640, owner=Owner(user="www-data", group=None)) == 0
    for name, mode in (("", 0o750), ("www", 0o750), ("www/index", 0o640)):
        found = (system / "srv/new" / name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, 33, 44)


def test_holes_stay(system: Path, source: Path) -> None:
    put(source, big="start")
    os.truncate(source / "big", 1 << 40)
    assert copy(system, source) == 0
    found = (system / "big").stat()
    assert (found.st_size, found.st_blocks < 100) == (1 << 40, True)


def test_files_that_the_running_system_does_not_see_are_named(
    system: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(source, var__run__acme__x="lost", etc__x="kept")
    assert copy(system, source) == 0
    told = capsys.readouterr().err
    assert "files: /: the running system does not see /run/acme/x: this place is empty at boot" in told
    assert "etc/x" not in told


@pytest.mark.parametrize("place", ["dev", "proc", "run", "sys", "tmp"])
def test_every_place_that_is_empty_at_boot_is_known(
    system: Path, source: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    put(source, **{f"{place}__x": "lost"})
    assert copy(system, source) == 0
    assert f"does not see /{place}/x: " in capsys.readouterr().err
