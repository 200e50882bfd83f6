"""The short form of the campaign of hostile trees, and that it notices what it looks for."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.campaigns import hostile_trees
from tests.campaigns.running import Tally
from tests.support.hostile_trees import Tree, remove

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="makes devices")]


def test_steps_come_through_hostile_trees() -> None:
    tally = hostile_trees.campaign(0, seed=3)
    assert tally.inputs >= 10
    assert not tally.failures, tally.examples


@pytest.mark.parametrize(
    ("spoil", "failure"),
    [
        ("print(open('{outside}/secret').read(), file=open('{out}/copy', 'w'))", "the secret is in an output"),
        ("open('{outside}/new', 'w').close()", "something outside was changed"),
        ("open('{system}/etc/passwd').read().no_such", "traceback: AttributeError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGALRM)", "signal SIGALRM"),
        ("print('x: error: a\\\\nb')", "no single line"),
    ],
)
def test_failures_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str, failure: str) -> None:
    tree = Tree(tmp_path / "top", Random(1))
    places = {"outside": tree.outside, "system": tree.system, "out": tree.top / "out"}
    code = spoil.format(**places)

    def step(argv: list[str]) -> int:
        exec(code)
        return 0

    monkeypatch.setattr(hostile_trees, "imager", step)
    tally = Tally()
    hostile_trees._round(tree, tally)
    (kind,) = tally.failures
    assert failure in kind
    remove(tmp_path / "top")
