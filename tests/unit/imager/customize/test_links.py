"""Symbolic links."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.__main__ import main
from imager.core.errors import ImagerError
from imager.requests.files import Links
from imager.rootfs.root import Root
from imager.rootfs.writing import make_link
from spec.files import Symlink


def test_links_are_made_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").write_text("old")
    wanted = {"/etc/localtime": "/usr/share/zoneinfo/UTC", "/a/b": "x=y", '/a=b/"c=d"': "/é \\"}
    request = Links(system=str(tmp_path), link={path: Symlink(target=target) for path, target in wanted.items()})
    assert main(list(request.argv())) == 0
    assert {path: str((tmp_path / path[1:]).readlink()) for path in wanted} == wanted


def test_a_link_on_the_way_stays_inside_the_system(tmp_path: Path) -> None:
    (tmp_path / "lib").symlink_to("/usr/lib")
    make_link(Root(tmp_path), "/lib/x", "y")
    assert (tmp_path / "usr/lib/x").readlink() == Path("y")


def test_a_full_directory_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/keep").touch()
    with pytest.raises(ImagerError, match="a directory with files in it"):
        make_link(Root(tmp_path), "/data", "/elsewhere")
    assert (tmp_path / "data/keep").exists()
