"""Programs and the limits that they get."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core import tools
from imager.core.errors import ToolError


def test_a_program_may_print_up_to_its_limit() -> None:
    argv = ("head", "-c", "10", "/dev/zero")
    assert tools.run(argv, limit=10) == bytes(10)
    with pytest.raises(ToolError, match="head made more than 9 bytes"):
        tools.run(argv, limit=9)


def test_a_program_reads_a_file_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"all of it")
    with (tmp_path / "source").open("r+b") as file:
        file.seek(5)
        assert tools.run(("cat",), source=file.fileno()) == b"all of it"
    assert tools.run(("cat",)) == b"", "else nothing"
