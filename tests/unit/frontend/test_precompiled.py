"""What the image has compiled is what is used, and a source that is not there does no harm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

PROGRAM = """
from pathlib import Path
from frontend import precompiled
precompiled.use(Path({file!r}))
from dataclasses import dataclass
from spec.document import Spec
@dataclass(frozen=True)
class Unknown:
    number: int
assert Unknown(3) == Unknown(3) != Unknown(4)
print(*(each.__init__.__code__.co_filename for each in (Spec, Unknown)))
"""


@pytest.mark.parametrize(("recorded", "origin"), [(True, "<dataclass>"), (False, "<string>")])
def test_classes_are_made_of_what_was_recorded(tmp_path: Path, recorded: bool, origin: str) -> None:
    file = str(tmp_path / "compiled")
    if recorded:
        run(f"from pathlib import Path; from frontend import precompiled; precompiled.record(Path({file!r}))")
    assert run(PROGRAM.format(file=file)).split() == [origin, "<string>"]


def run(program: str) -> str:
    argv = [sys.executable, "-c", program]
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
