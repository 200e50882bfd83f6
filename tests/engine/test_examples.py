"""Every example builds, all its outputs, as the README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.config import PresetBase, load
from tests.support.engine import REPOSITORY, Engine

pytestmark = pytest.mark.engine

EXAMPLES = sorted(path.parent.name for path in (REPOSITORY / "examples").glob("*/claylinux.yaml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path, name: str) -> None:
    folder = REPOSITORY / "examples" / name
    spec = load((folder / "claylinux.yaml").read_bytes(), "claylinux.yaml")
    if isinstance(spec.base, PresetBase) and spec.base.preset.startswith("alpine"):
        request.getfixturevalue("alpine").build(folder, output=tmp_path).check()
    else:
        engine.buildx(folder, output=tmp_path).check()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(output.filename for output in spec.outputs)
