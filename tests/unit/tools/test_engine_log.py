"""What the tests read in the log of a build."""

from __future__ import annotations

import pytest

from tests.support.engine import BuildResult

HEAD = "#1 DONE 0.1s\n\n \x1b[33m2 warnings found (use --debug to expand):\n\x1b[0m"
ONE = " - claylinux.yaml:3: a - b [C]\n"


@pytest.mark.parametrize(
    ("log", "code", "cut"),
    [
        ("#1 DONE 0.1s\n", 0, False),
        (HEAD, 0, True),
        (HEAD + ONE, 0, True),
        (HEAD + ONE + ONE, 0, False),
        (HEAD + ONE, 1, False),
    ],
)
def test_a_list_of_warnings_that_is_cut(log: str, code: int, cut: bool) -> None:
    built = BuildResult(code, log, 0.1)
    assert built.is_cut == cut
    assert built.warnings.endswith(ONE) == log.endswith(ONE)
