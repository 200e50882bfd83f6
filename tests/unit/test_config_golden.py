"""Every wrong file in tests/golden/config has exactly the messages beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.config import ConfigError, load
from tests.support.golden import check_golden

CASES = sorted((Path(__file__).parents[1] / "golden" / "config").glob("*.yaml"))


def test_there_are_cases() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_messages(case: Path, update_golden: bool) -> None:
    with pytest.raises(ConfigError) as caught:
        load(case.read_bytes(), "claylinux.yaml")
    assert caught.value.diagnostics, "an error must say something"
    check_golden(case.with_suffix(".txt"), f"{caught.value}\n", update=update_golden)
