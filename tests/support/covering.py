"""Which tests run which lines, and how long they take: those that may notice a change, in the order to ask them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from coverage import CoverageData

_SECONDS = re.compile(r"^([0-9.]+)s (?:call|setup) +(\S.*)$", re.MULTILINE)
"""A row of `pytest --durations=0`."""


@dataclass(frozen=True)
class Covering:
    """Which tests run which lines of which files, how many lines each test runs, and the seconds of slow ones."""

    lines: dict[str, dict[int, set[str]]]
    weights: Counter[str]
    seconds: Counter[str]

    @classmethod
    def read(cls, measured: Path, told: Path, tree: Path) -> Covering:
        """Read what coverage measured of the product below a tree, and the durations that pytest told."""
        data = CoverageData(str(measured))
        data.read()
        lines: dict[str, dict[int, set[str]]] = {}
        weights: Counter[str] = Counter()
        for path in data.measured_files():
            # The tree may have been elsewhere when it was measured, below a directory of the same name.
            found = lines[path.partition(f"/{tree.name}/")[2]] = {}
            for line, contexts in data.contexts_by_lineno(path).items():
                found[line] = {_tests(context) for context in contexts if context}
                weights.update(found[line])
        seconds: Counter[str] = Counter()
        for time, test in _SECONDS.findall(told.read_text()):
            seconds[test] += round(float(time))
        return cls(lines, weights, seconds)

    def of(self, path: str, lines: range) -> list[str]:
        """Return the tests that run any of these lines: the fast ones first, then the most particular."""
        found = (tests for line, tests in self.lines.get(path, {}).items() if line in lines)
        return sorted(set().union(*found), key=lambda test: (self.seconds[test], self.weights[test], test))


def _tests(context: str) -> str:
    """Return the test of a context, or its file: what one test sets up, others use as well."""
    test, _, phase = context.rpartition("|")
    return test if phase == "run" else test.partition("::")[0]
