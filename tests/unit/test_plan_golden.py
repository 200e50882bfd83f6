"""The graphs of whole build files, byte for byte: a change of a plan shows in the diff of a golden file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import llb
from tests.support.fake_client import FakeClient
from tests.support.golden import check_golden
from tests.unit.test_app import BOOTABLE, ask

FOLDER = Path(__file__).parents[1] / "golden/plan"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def graph(case: str) -> str:
    """Return the dump of the last graph that this build file is solved with."""
    client = FakeClient(outputs={**BOOTABLE, "tree": b"", "key": b""}, folders=frozenset({"tree"}))
    client = ask((FOLDER / f"{case}.yaml").read_text(), client, **{"context:other": "local:other"})
    assert client.error is None, client.error
    return llb.dump(client.solved[-1])


@pytest.mark.parametrize("case", CASES)
def test_graph(case: str, update_golden: bool) -> None:
    check_golden(FOLDER / f"{case}.txt", graph(case), update=update_golden)


def test_graphs_do_not_depend_on_the_hash_seed() -> None:
    program = "from tests.unit.test_plan_golden import graph; print(graph('full'))"
    dumps = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(dumps) == 1
