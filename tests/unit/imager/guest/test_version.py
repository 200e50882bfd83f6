"""The order of versions in the machine, against a rule of its own here, and against systemd's."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from itertools import product

import pytest

from tests.support.guest_programs import GUEST, SHELLS
from tests.support.vm import require_tool

_CHANCE = random.Random(5)
_EDGES = (
    "1",
    "01",
    "1.0",
    "1.",
    "1~rc1",
    "1~",
    "1^a",
    "1-1",
    "1a",
    "a",
    "10",
    "9",
    "1..2",
    "1.a",
    "1.0.1",
    "1-",
    "~1",
    "",
)


def _some() -> str:
    return "1" + "".join(_CHANCE.choice(["1", "2", "10", "0", "a", "b", ".", "-", "~", "^"]) for _ in range(6))


PAIRS = [*product(_EDGES, _EDGES), *((_some(), _some()) for _ in range(300))]


PLAIN = [pair for pair in PAIRS if not any(re.search("[~^.-][~^.-]", each) for each in pair)]
"""In those that are not among them, the order in which UAPI.10 looks at separators plays a part."""


def by_rule(a: str, b: str) -> int:
    """Compare by a key for each part, which sorts as the part does."""
    return (_key(a) > _key(b)) - (_key(a) < _key(b))


def _key(version: str) -> list[tuple[int, int, str]]:
    parts: list[tuple[int, int, str]] = []
    for digits, letters, separator in re.findall(r"([0-9]+)|([A-Za-z]+)|([~^.-])", version):
        if separator:
            parts.append(({"~": 0, "-": 2, "^": 3, ".": 4}[separator], 0, ""))
        elif digits:
            parts.append((6, int(digits), ""))
        else:
            parts.append((5, 0, letters))
    return [*parts, (1, 0, "")]


def by_systemd(a: str, b: str) -> int:
    done = subprocess.run(
        ["systemd-analyze", "compare-versions", "--", a, b], capture_output=True, text=True, check=False
    )
    return {11: 1, 12: -1, 0: 0}[done.returncode]


def by_shell(shell: str, pairs: list[tuple[str, str]]) -> list[int]:
    require_tool(shell)
    lines = [f". {GUEST}/update/version.sh", *(f"compare_versions '{a}' '{b}'" for a, b in pairs)]
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*argv, "-uc", "\n".join(lines)], capture_output=True, text=True, timeout=60, check=True)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize("shell", SHELLS)
def test_against_a_rule(shell: str) -> None:
    pairs = PLAIN if shell == "busybox" else PLAIN[::5]
    found = zip(pairs, by_shell(shell, pairs), strict=True)
    assert {pair: each for pair, each in found if each != by_rule(*pair)} == {}


@pytest.mark.slow
def test_against_systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    pairs = [(a, b) for a, b in PAIRS if a and b][-400:]  # it does not take an empty one
    found = zip(pairs, by_shell("dash", pairs), strict=True)
    assert {pair: each for pair, each in found if each != by_systemd(*pair)} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.4.0", True), ("2026.01.02~rc1^git-3", True), ("", False), ("1_2", False), ("1+2", False), ("../1", False),
     ("-1", False), ("1 2", False), ("1\n2", False), ("9" * 128, True), ("9" * 129, False)],
)  # fmt: skip
def test_what_is_a_version(text: str, expected: bool) -> None:
    script = f'. {GUEST}/update/version.sh; is_version "$1"'
    done = subprocess.run(["dash", "-uc", script, "x", text], check=False, timeout=60)
    assert (done.returncode == 0) == expected
