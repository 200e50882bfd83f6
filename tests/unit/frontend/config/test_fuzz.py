"""What fuzzing starts from is read, or its mistakes are told: tests/fuzz looks for more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.fuzz_config import check
from tests.support.places import ROOT

CORPUS = sorted((ROOT / "tests/fuzz" / "corpus").iterdir())


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_the_corpus(case: Path) -> None:
    data = case.read_bytes()
    check(data)
    # Cut off anywhere, it is still told well.
    for end in range(0, len(data), max(1, len(data) // 40)):
        check(data[:end])
