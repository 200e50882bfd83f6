"""Paths of a system never lead out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imager.rootfs import text, writing
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Root:
    system = tmp_path / "system"
    (system / "usr/bin").mkdir(parents=True)
    (system / "usr/bin/tool").write_text("tool")
    (tmp_path / "outside").write_text("secret")
    for name, target in {
        "bin": "usr/bin",
        "absolute": "/usr/bin/tool",
        "up": "../../../usr/bin/tool",
        "escape": "../outside",
        "host": str(tmp_path / "outside"),
        "loop": "pool",
        "pool": "loop",
        "dangling": "usr/nothing",
        "twice": "absolute",
    }.items():
        (system / name).symlink_to(target)
    return Root(system)


@pytest.mark.parametrize("path", ["bin/tool", "/bin/tool", "absolute", "up", "twice", "../bin//./tool"])
def test_links_are_followed_inside(root: Root, path: str) -> None:
    assert root.resolve(path) == root.path / "usr/bin/tool"


@pytest.mark.parametrize("path", ["escape", "host", "loop", "dangling", "usr/bin/tool/more", "nothing/.."])
def test_nothing_is_found_outside(root: Root, path: str) -> None:
    found = root.resolve(path)
    assert found is None or found == root.path


def test_place_of_what_does_not_exist_yet(root: Root) -> None:
    assert root.place("bin/new/file") == root.path / "usr/bin/new/file"
    assert root.place("dangling/x") == root.path / "usr/nothing/x"
    assert root.place("loop/x") is None


def test_names_are_sorted_and_only_of_directories(root: Root) -> None:
    (root.path / "usr/bin/b").touch()
    (root.path / "usr/bin/a").touch()
    assert root.names("bin") == ("a", "b", "tool")
    assert root.names("absolute") == ()
    assert root.names("nothing") == ()


def test_a_name_of_a_link_is_the_link(root: Root) -> None:
    writing.make_name(root, "new/name", "absolute")
    assert (root.path / "new/name").is_symlink()
    assert (root.path / "new/name").lstat().st_ino == (root.path / "absolute").lstat().st_ino


def test_a_text_keeps_bytes_that_are_no_text(root: Root) -> None:
    (root.path / "odd").write_bytes(b"a\xffb\n")
    text.write(root, "new/odd", text.read(root, "odd"), 5)
    made = root.path / "new/odd"
    assert made.read_bytes() == b"a\xffb\n"
    assert (made.stat().st_mode & 0o7777, made.stat().st_mtime) == (0o644, 5)


def test_a_link_has_a_time_and_an_owner_if_it_is_given_them(root: Root) -> None:
    writing.make_link(root, "new/dated", "/x", epoch=5)
    writing.make_link(root, "new/now/", "/x")
    assert (root.path / "new/dated").lstat().st_mtime == 5
    assert (root.path / "new/now").lstat().st_mtime > 5
    assert str((root.path / "new/now").readlink()) == "/x"
