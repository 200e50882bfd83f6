"""Directories with mode bits and owners."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from imager.__main__ import main
from imager.requests.files import Directories
from spec.files import Directory
from spec.values.types import Owner


def run(
    system: Path, path: str, *, mode: int | None = None, user: str | int = 0, group: str | int | None = None
) -> int:
    directory = Directory(mode=mode, owner=Owner(user=user, group=group))
    return main(list(Directories(system=str(system), directory={path: directory}, epoch=1000).argv()))


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("op:x:1234:77::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("adm:x:4:\n")
    return tmp_path


@pytest.mark.parametrize(
    ("user", "group", "expected"),
    [("op", None, (1234, 77)), ("op", "adm", (1234, 4)), (5, None, (5, 5)), (5, 6, (5, 6)), (0, "adm", (0, 4))],
)
def test_owners(system: Path, user: str | int, group: str | int | None, expected: tuple[int, int]) -> None:
    assert run(system, path="/srv/data", mode=0o1777, user=user, group=group) == 0
    found = (system / "srv/data").stat()
    assert (found.st_uid, found.st_gid) == expected
    assert stat.S_IMODE(found.st_mode) == 0o1777
    assert found.st_mtime == 1000


def test_a_directory_that_is_there_is_changed_and_keeps_its_files(system: Path) -> None:
    (system / "var").mkdir(mode=0o755)
    (system / "var/keep").touch()
    assert run(system, path="/var", mode=0o700) == 0
    assert stat.S_IMODE((system / "var").stat().st_mode) == 0o700
    assert (system / "var/keep").exists()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"path": "/x", "user": "who"}, "there is no user who in this system"),
        ({"path": "/x", "group": "who"}, "there is no group who in this system"),
        ({"path": "/etc/passwd"}, "cannot become a directory: a file is there"),
    ],
)
def test_what_cannot_be_done(
    system: Path, capsys: pytest.CaptureFixture[str], wanted: dict[str, Any], message: str
) -> None:
    assert run(system, **wanted) == 1
    assert message in capsys.readouterr().err
