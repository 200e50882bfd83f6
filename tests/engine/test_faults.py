"""The short form of the campaign of faults: each kind once, and that it notices what it looks for."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.campaigns import faults
from tests.campaigns.running import Tally
from tests.support.engine import BuildResult, Engine

pytestmark = [pytest.mark.engine, pytest.mark.skipif(os.geteuid() != 0, reason="mounts a disk")]


def test_builds_come_through_faults_or_say_why(engine: Engine, tmp_path: Path) -> None:
    tally = Tally()
    with faults.laboratory(engine, tmp_path) as lab:
        for kind in faults.KINDS:
            if kind is not faults.at_once:
                kind(lab, Random(5), tally)
        faults.at_once(lab, Random(5), tally, count=3)
    assert not tally.failures, tally.examples
    assert {"engine killed", "client killed", "at once", "registry slow", "registry closes"} <= set(tally.outcomes)


def test_failures_are_noticed(tmp_path: Path) -> None:
    tally = Tally()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/half.raw").write_text("x")
    judge = partial(faults._judge, project=tmp_path, words=("no space left on device",), tally=tally)
    judge(BuildResult(1, "ERROR: exit code: 1", 1.0), kind="disk full")
    judge(BuildResult(0, "", 1.0), kind="registry closes")
    assert set(tally.failures) == {"disk full: unclear", "disk full: left something", "registry closes: believed"}
