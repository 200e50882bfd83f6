"""The short form of the campaign of mutations: which changes it makes, and that it tells those that tests notice."""

from __future__ import annotations

import ast
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.campaigns.mutations import PLACE, Sandbox, Suite, again
from tests.support.mutants import Mutant, changes

CODE = '''\
"""A docstring, 1 < 2."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from x import y
SIZE: int = 3


def first(items: "list[1]", name="a", *, strict=False) -> "1":
    """Return it, or None."""
    if not items and strict:
        raise ValueError("no text is changed")
    for item in items:
        if item.size <= SIZE + 1:
            found(name, item, key="")
            same(name, name)
            return item
'''
CHANGES = """\
7 constant: SIZE: int = 4
7 constant: SIZE: int = 2
10 constant: def first(items: 'list[1]', name='a', *, strict=True) -> '1':
10 constant: def first(items: 'list[1]', name='aX', *, strict=False) -> '1':
12 boolean: if not items or strict:
12 boolean: if strict:
12 boolean: if not items:
12 condition: if not (not items and strict):
12 boolean: if items and strict:
13 removed: pass
15 comparison: if item.size < SIZE + 1:
15 comparison: if item.size > SIZE + 1:
15 condition: if not item.size <= SIZE + 1:
15 arithmetic: if item.size <= SIZE - 1:
15 constant: if item.size <= SIZE + 2:
15 constant: if item.size <= SIZE + 0:
16 removed: pass
16 swapped: found(item, name, key='')
16 keyword: found(name, item)
16 constant: found(name, item, key='X')
17 removed: pass
18 return: return None
"""
PRODUCT = """\
def larger(one, other):
    return one if one > other else other
"""
TESTS = """\
import pathlib, pytest
from product.code import larger

def test_larger():
    assert (larger(1, 2), larger(2, 1), larger(2, 2)) == (2, 2, 2)

def test_nothing_else_can_be_changed():
    with pytest.raises(OSError, match="Read-only"):
        pathlib.Path(__file__).parents[2].joinpath("new").touch()
"""


def mutants(text: str) -> list[Mutant]:
    module = ast.parse(text)
    made = [change.apply(module) for change in changes(module)]
    assert ast.unparse(module) == ast.unparse(ast.parse(text)), "the tree is as it was"
    return made


def test_the_changes_of_a_module() -> None:
    assert [f"{each.line} {each.kind}: {each.after}" for each in mutants(CODE)] == CHANGES.splitlines()


def test_changes_are_found_again_where_they_are_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = tmp_path / "product/code.py"
    code.parent.mkdir()
    code.write_text("LINES = 2\n\n" + PRODUCT + "\n\n" + PRODUCT)
    changed = "return one if one >= other else other"
    told = (
        f"product/code.py:3: comparison\n  - return one if one > other else other\n  + {changed}\n"
        "product/code.py:9: return\n  - return 5\n  + return None\n"
    )
    [(path, mutant)] = again(Suite(tmp_path, ("product",)).sites(), told)
    assert (path, mutant.line, mutant.after) == ("product/code.py", 4, changed)
    assert mutant.text.count(changed) == 1
    assert capsys.readouterr().out == "product/code.py:9: return: this code is no longer there\n"


def unshares() -> bool:
    done = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)
    return os.geteuid() == 0 and done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not unshares(), reason="makes mounts of its own")
def test_a_change_is_noticed_unless_it_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # pytest starts four times
    for name, text in (("product/code.py", PRODUCT), ("tests/test_code.py", TESTS)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    made = {each.after: each for each in mutants(PRODUCT)}
    less, same = (made[f"return one if one {operator} other else other"] for operator in ("<", ">="))
    with tempfile.TemporaryDirectory(dir=PLACE) as top:
        sandbox = Sandbox(Path(top), Suite(tmp_path, ("product",), ("tests", "-p", "pytest_cov")))
        sandbox.fill()
        covering = sandbox.measure(1)
        assert covering.of("product/code.py", range(2, 3)) == ["tests/test_code.py::test_larger"]
        assert sandbox.notices("product/code.py", less, covering) == "by a test"
        assert sandbox.notices("product/code.py", same, covering) == ""
        monkeypatch.setattr(Sandbox, "_run_all", lambda *_: pytest.fail("the same tree is not run again"))
        other = Sandbox(Path(top, "other"), sandbox.suite)
        other.fill()
        assert other.measure(1) == covering
        assert (sandbox.tree / "product/code.py").read_text() == PRODUCT
