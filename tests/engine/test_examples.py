"""Every example builds with all its outputs, as the README promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontend.config import Arguments, load
from spec.base import PresetBase
from tests.support.alpine import Alpine
from tests.support.engine import REPOSITORY, Engine, out_of_reach
from tests.support.secure_boot import make_signer

pytestmark = pytest.mark.engine

EXAMPLES = sorted(path.parent.name for path in (REPOSITORY / "examples").glob("*/claylinux.yaml"))

OF_THE_MIRROR = {"alpine-full": "podman, make and the rest of the part community"}
"""What only Alpine's mirror has. tests/unit/frontend/test_examples.py plans these examples everywhere."""
ARGUMENTS = {"full": {"VERSION": "1.2.3"}, "alpine-full": {"VERSION": "1.2.3"}}
PLATFORM = {"TARGETARCH": "amd64"}
HASH = "$6$saltsalt$" + "a" * 86


def secrets(directory: Path) -> tuple[str, ...]:
    """Return options with all secrets that an example needs."""
    values = {"licence": "ours\n", "root_hash": HASH}
    for name, value in values.items():
        (directory / name).write_text(value)
    make_signer(directory)
    return tuple(f"--secret=id={path.name},src={path}" for path in sorted(directory.iterdir()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, name: str
) -> None:
    directory = REPOSITORY / "examples" / name
    arguments = Arguments(given=ARGUMENTS.get(name, {}), platform=PLATFORM)
    text = (directory / "claylinux.yaml").read_bytes()
    spec = load(text, "claylinux.yaml", arguments, lambda path: (directory / path).read_bytes())
    more = [f"--build-arg={name}={value}" for name, value in arguments.given.items()]
    if name in ARGUMENTS:
        more += ["--build-context=web=web"]
    if b"secret: " in text:
        more += secrets(tmp_path_factory.mktemp("secrets"))
    if isinstance(spec.base, PresetBase) and spec.base.preset.startswith("alpine"):
        alpine: Alpine = request.getfixturevalue("alpine")
        if name in OF_THE_MIRROR and not alpine.mirror:
            out_of_reach(f"Alpine's mirror does not answer, which has {OF_THE_MIRROR[name]}")
        done = alpine.build(directory, *more, output=tmp_path).check()
    else:
        done = engine.buildx(directory, *more, output=tmp_path).check()
    assert not re.search(r"\d+ warnings? found", done.log), "examples must not have warnings"
    measurements = [f"{spec.name}.pcrs.json"] if spec.secure_boot else []
    names = [output.filename for output in spec.outputs] + measurements
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
