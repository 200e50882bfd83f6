"""Every wrong file in tests/golden/config has exactly the messages beside it.

A folder of the same name is the build context that `include` reads, and may have a file `arguments`: one NAME=VALUE
a line.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.config import Arguments, ConfigError, load
from tests.support.golden import check_golden
from tests.support.places import GOLDEN

CASES = sorted((GOLDEN / "config").glob("*.yaml"))


def test_there_are_cases() -> None:
    assert len(CASES) >= 30


def arguments_of(folder: Path) -> Arguments:
    file = folder / "arguments"
    lines = file.read_text().splitlines() if file.exists() else []
    return Arguments(given=dict(line.split("=", 1) for line in lines))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_messages(case: Path, update_golden: bool) -> None:
    folder = case.with_suffix("")

    def read(path: str) -> bytes | None:
        return (folder / path).read_bytes() if (folder / path).is_file() else None

    with pytest.raises(ConfigError) as caught:
        load(case.read_bytes(), "claylinux.yaml", arguments_of(folder), read)
    assert caught.value.diagnostics, "an error must say something"
    check_golden(case.with_suffix(".txt"), f"{caught.value}\n", update=update_golden)
