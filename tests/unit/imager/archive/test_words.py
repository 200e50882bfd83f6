"""How each program that compresses is called; what it makes of it is tried in `test_compress`."""

from __future__ import annotations

import pytest

from imager.archive import compressors
from spec.compression import LEVELS
from tests.support.golden import check_golden
from tests.support.places import GOLDEN


def test_every_level_of_every_kind_on_any_machine(update_golden: bool) -> None:
    rows = []
    for kind, levels in LEVELS.items():
        made = compressors.KINDS[kind]
        rows.append(f"{kind}: {made.squashfs} {made.option} {'levels' if made.levelled else 'one level'}")
        for level in range(levels.first, levels.last + 1):
            for processors in (1, 3, 64):
                program = made.program(level, processors)
                variables = "".join(f"{name}={value} " for name, value in program.environment.items())
                rows.append(f"{processors:2}: {variables}{' '.join(program.argv)} {program.end.hex()}".rstrip())
    check_golden(GOLDEN / "compressors.txt", "\n".join([*rows, ""]), update=update_golden)


def test_the_processors_are_those_that_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 5})
    assert compressors.program("gz", 6) == compressors.KINDS["gz"].program(6, 2)
    assert compressors.program("gz", 6, 3) == compressors.KINDS["gz"].program(6, 3)
