"""`imager identity`."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.__main__ import main
from imager.requests.identity import Identity
from imager.rootfs.osrelease import fields, with_identity


@pytest.mark.parametrize(
    ("value", "line"),
    [("1.0", "1.0"), ("1 $2", '"1 \\$2"'), ('a"b\\`', '"a\\"b\\\\\\`"')],
)
def test_os_release_values_are_quoted(value: str, line: str) -> None:
    assert with_identity("A=1", "", value) == f"A=1\nIMAGE_VERSION={line}\n"


def test_os_release_is_replaced_or_made_up() -> None:
    assert with_identity("IMAGE_ID=old\nID=x\n", "new", "") == "ID=x\nIMAGE_ID=new\n"
    assert with_identity("ID=x\n", "", "") == "ID=x\n"
    assert with_identity("", "", "").startswith("ID=linux\n")


def test_the_file_behind_the_link_is_changed(tmp_path: Path) -> None:
    for folder in ("etc", "usr/lib"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("ID=x\n")
    (tmp_path / "etc/os-release").symlink_to("../usr/lib/os-release")
    assert main(list(Identity(system=str(tmp_path), name="edge", version="1.4", epoch=5).argv())) == 0
    assert (tmp_path / "usr/lib/os-release").read_text() == "ID=x\nIMAGE_ID=edge\nIMAGE_VERSION=1.4\n"
    assert (tmp_path / "etc/os-release").is_symlink()
    assert (tmp_path / "usr/lib/os-release").stat().st_mtime == 5


def test_a_system_without_one_gets_one(tmp_path: Path) -> None:
    assert main(list(Identity(system=str(tmp_path), name="edge", version="", epoch=5).argv())) == 0
    assert "IMAGE_ID=edge\n" in (tmp_path / "etc/os-release").read_text()


def test_os_release_is_read_as_the_shell_would() -> None:
    text = '# comment\nID=x\nNAME=\'a b\'\nBAD="open\n  V="1\\"2"\nnoise\n'
    assert fields(text) == {"ID": "x", "NAME": "a b", "BAD": '"open', "V": '1"2'}
