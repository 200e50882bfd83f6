"""Every example builds with all its outputs, as the README promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontend.config import Arguments, load
from spec.base import PresetBase
from tests.support.engine import REPOSITORY, Engine

pytestmark = pytest.mark.engine

# Their packages lack stand-ins (tests/support/alpine_packages.py), so tests/unit/frontend/test_examples.py plans them.
OF_ALPINE_ONLY = {"alpine-typical", "alpine-full"}
EXAMPLES = sorted({path.parent.name for path in (REPOSITORY / "examples").glob("*/claylinux.yaml")} - OF_ALPINE_ONLY)

ARGUMENTS = {"full": {"VERSION": "1.2.3"}}
PLATFORM = {"TARGETARCH": "amd64"}
HASH = "$6$saltsalt$" + "a" * 86


def secrets(directory: Path) -> tuple[str, ...]:
    """Return the secrets that the full example needs."""
    values = {"licence": "ours\n", "root_hash": HASH}
    for name, value in values.items():
        (directory / name).write_text(value)
    return (*(f"--secret=id={name},src={directory / name}" for name in values), "--build-context=web=web")


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, name: str
) -> None:
    directory = REPOSITORY / "examples" / name
    arguments = Arguments(given=ARGUMENTS.get(name, {}), platform=PLATFORM)
    text = (directory / "claylinux.yaml").read_bytes()
    spec = load(text, "claylinux.yaml", arguments, lambda path: (directory / path).read_bytes())
    more = secrets(tmp_path_factory.mktemp("secrets")) if name == "full" else ()
    if isinstance(spec.base, PresetBase) and spec.base.preset.startswith("alpine"):
        request.getfixturevalue("alpine").build(directory, output=tmp_path).check()
    else:
        done = engine.buildx(directory, *more, output=tmp_path, build_args=arguments.given).check()
        assert not re.search(r"\d+ warnings? found", done.log), "examples must not have warnings"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(output.filename for output in spec.outputs)
