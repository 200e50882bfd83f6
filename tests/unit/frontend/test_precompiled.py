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
precompiled.use({file!r})
from dataclasses import dataclass
from spec.document import Spec
@dataclass(frozen=True)
class Unknown:
    number: int
assert Unknown(3) == Unknown(3) != Unknown(4)
print(*(each.__init__.__code__.co_filename for each in (Spec, Unknown)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("recorded", "origin"), [(True, "<dataclass>"), (False, "<string>")])
def test_classes_are_made_of_what_was_recorded(tmp_path: Path, recorded: bool, origin: str) -> None:
    file = str(tmp_path / "compiled")
    if recorded:
        run(f"from frontend import recording; recording.record({file!r})")
    assert run(PROGRAM.format(file=file)).split() == [origin, "<string>"]


PATTERNS = """
import re
from pathlib import Path
from frontend import precompiled
precompiled.use({file!r})
translated = []
parse = re._parser.parse
re._parser.parse = lambda pattern, *rest: translated.append(pattern) or parse(pattern, *rest)
import frontend.app, frontend.gateway.bridge
from importlib import import_module
from frontend.warmup import NEEDED
for name in NEEDED:
    import_module(name)
from frontend import failure
assert failure._CHECKSUM.search("digest mismatch sha256:1: sha256:2").groups() == ("sha256:1", "sha256:2")
assert re.compile("(?P<all>unknown)", re.I).match("UNKNOWN")["all"] == "UNKNOWN"
print(*map(ascii, translated), sep="\\n")
"""


@pytest.mark.slow
def test_no_regular_expression_of_a_build_is_translated_again(tmp_path: Path) -> None:
    file = str(tmp_path / "compiled")
    assert len(run(PATTERNS.format(file=file)).splitlines()) > 40
    run(f"from frontend import recording; recording.record({file!r})")
    assert run(PATTERNS.format(file=file)) == "'(?P<all>unknown)'\n"


MODULES = """
import sys
from pathlib import Path
from frontend import precompiled
precompiled.use({file!r})
read = []
sys.addaudithook(lambda event, given: read.append(str(given[0])) if event == "open" else None)
import frontend.app, frontend.gateway.bridge
from importlib import import_module
from frontend.warmup import NEEDED
for name in NEEDED:
    import_module(name)
assert [path for path in read if path.endswith((".py", ".pyc"))] == []
import frontend.plan
import frontend.plan.system as module
assert isinstance(module.__spec__.loader, precompiled.Recorded)
assert Path(module.__file__).samefile("frontend/plan/system.py")
assert module.plan_system.__code__.co_filename == module.__file__
assert [Path(each).name for each in frontend.plan.__path__] == ["plan"] and module.__package__ == "frontend.plan"
import frontend.cli  # has no part in a build
assert not isinstance(frontend.cli.__spec__.loader, precompiled.Recorded)
"""


@pytest.mark.slow
def test_no_module_of_a_build_is_looked_for(tmp_path: Path) -> None:
    file = str(tmp_path / "compiled")
    run(f"from frontend import recording; recording.record({file!r})")
    run(MODULES.format(file=file))


EQUAL = """
import gc, re, marshal
from pathlib import Path
from frontend import recording
recording.record({file!r})
known = marshal.loads(Path({file!r}).read_bytes()[8:])[1]
for (pattern, flags), (given, *rest) in known.items():
    made, again = re._compiler.compile(pattern, flags), re._compiler._sre.compile(pattern, given, *rest)
    assert (made, made.groupindex, made.groups) == (again, again.groupindex, again.groups), pattern
print(len(known))
"""


@pytest.mark.slow
def test_they_are_what_re_makes_of_them(tmp_path: Path) -> None:
    assert int(run(EQUAL.format(file=str(tmp_path / "compiled")))) > 40


def run(program: str) -> str:
    argv = [sys.executable, "-c", program]
    seed = {"PYTHONHASHSEED": "0"}  # protobuf makes an expression in the order of a set
    return subprocess.run(argv, cwd=ROOT, env=seed, check=True, capture_output=True, text=True).stdout
