"""The short form of the campaign of changes in forks, and the changes of shell scripts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.campaigns import swift_mutations
from tests.campaigns.mutations import Suite
from tests.support import shell_mutants
from tests.support.places import ROOT
from tests.unit.campaigns.test_mutations import mutants, unshares

PRODUCT = """\
import subprocess
import sys

LIMIT = 3
TABLE = {"a": 1}
UNUSED = 1


def larger(one, other, most=9):
    if max(one, other) > LIMIT + TABLE["a"]:
        return most
    return one if one > other else other


class Program:
    kind = "x"

    def told(self):
        code = f"import product.code; print(product.code.said({self.kind!r}))"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout


def said(text):
    return text + "!"
"""
TESTS = """\
from product.code import Program, larger

def test_larger():
    assert (larger(1, 2), larger(2, 1), larger(2, 2), larger(4, 1), larger(5, 1)) == (2, 2, 2, 4, 9)

def test_told():
    assert Program().told() == "x!\\n"

def test_memory_has_a_limit():
    try:
        bytearray(3 << 30)
    except MemoryError:
        return
    raise AssertionError
"""
NOTICED = (
    "LIMIT = 4",
    "TABLE = {'a': 2}",
    "def larger(one, other, most=10):",
    "return one if one < other else other",
    "kind = 'xX'",
    "return None",
    "return text - '!'",
)
SURVIVES = ("UNUSED = 2", "return one if one >= other else other")
SCRIPT = """\
# a comment: [ -lt 3 ]
wait_for() { # SECONDS
  tries=0
  until [ -e "$1" ]; do
    [ "$tries" -lt 50 ] || { problem "1 && 2"; return 1; }
    sync --now
  done
  problem "nothing -lt here"
}
"""
SCRIPT_CHANGES = """\
4 condition: until [ ! -e "$1" ]; do
5 comparison: [ "$tries" -le 50 ] || { problem "1 && 2"; return 1; }
5 comparison: [ "$tries" -ge 50 ] || { problem "1 && 2"; return 1; }
5 boolean: [ "$tries" -lt 50 ] && { problem "1 && 2"; return 1; }
5 constant: [ "$tries" -lt 51 ] || { problem "1 && 2"; return 1; }
5 constant: [ "$tries" -lt 49 ] || { problem "1 && 2"; return 1; }
5 return: [ "$tries" -lt 50 ] || { problem "1 && 2"; return 0; }
6 removed: :
"""


@pytest.mark.slow
@pytest.mark.skipif(not unshares(), reason="makes mounts of its own")
def test_changes_in_forks_are_noticed_where_they_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name, text in (("product/code.py", PRODUCT), ("tests/unit/product/test_code.py", TESTS)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "tests/support").mkdir()
    for name in ("__init__.py", "support/__init__.py", "support/warm_mutants.py", "support/replacing.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    made = {each.after: each for each in mutants(PRODUCT)}
    suite = Suite(tmp_path, ("product",), ("tests/unit",), quick=True)
    result = swift_mutations.campaign(suite, [("product/code.py", made[each]) for each in (*NOTICED, *SURVIVES)])
    assert [each.rpartition("+ ")[2] for each in result.survivors] == [*SURVIVES]
    assert result.noticed == {"by a test": len(NOTICED)}
    calls = (tmp_path / "out/mutations/calls").read_text().splitlines()
    assert [json.loads(each)[2] is None for each in calls] == [False] * 3, "each was learned, as none failed"


def test_the_changes_of_a_script() -> None:
    made = [each.apply(SCRIPT) for each in shell_mutants.changes(SCRIPT)]
    assert [f"{each.line} {each.kind}: {each.after}" for each in made] == SCRIPT_CHANGES.splitlines()
    assert all(each.text.count("\n") == SCRIPT.count("\n") for each in made)


def test_every_script_of_a_guest_has_changes_that_can_be_undone() -> None:
    sites = Suite().sites(("imager/guest",))
    assert len(sites) > 200
    assert len({path for path, _ in sites}) > 5
