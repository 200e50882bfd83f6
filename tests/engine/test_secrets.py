"""Where secrets of a build are afterwards: nowhere; and a password's hash where the documentation says.

docs/internals/trust.md says what the engine sees of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.test_system import BASE
from tests.support import leftovers
from tests.support.engine import Engine
from tests.support.leftovers import Place
from tests.support.web import TOKEN, Server

pytestmark = pytest.mark.engine

FILE = "claylinux-mark-of-a-file-5b1c0e"
VARIABLE = "claylinux-mark-of-a-variable-9d27fa"
HASH = "$6$claylinuxmark$" + "h" * 86


def test_secrets_are_nowhere_and_a_hash_is_in_its_layer(
    throwaway_engine: Callable[..., Engine], web: Server, tmp_path: Path
) -> None:
    engine = throwaway_engine(containerd_store=True)
    # What is searched holds what is looked for where it is.
    marks = ("a step ran", FILE, VARIABLE, TOKEN, HASH)
    found: dict[str, set[str]] = {mark: set() for mark in marks}
    kinds = set()
    for place in build(engine, web, tmp_path):
        kinds.add(place.kind)
        for mark in marks:
            if place.holds(mark, "x-access-token:"):
                found[mark].add(place.kind)
    assert kinds == leftovers.KINDS
    assert {"layer", "cache", "engine"} <= found["a step ran"]
    assert [mark for mark in (FILE, VARIABLE, TOKEN) if found[mark]] == []
    assert found[HASH] == {"layer", "cache", "engine"}


def build(engine: Engine, web: Server, tmp_path: Path) -> Iterator[Place]:
    """Build with every kind of secret that a step or a source can have; return all that it left behind."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "claylinux.yaml").write_text(f"""{BASE}
users: [{{name: op, password: {{secret: hash}}}}]
files: {{/page: {{git: "{web.url}/git/site.git#v1", source: public/page}}}}
run:
  - script: |
      is() {{ [ "$(printf %s "$1" | sha256sum | cut -c 1-64)" = $2 ]; }}
      is "$(cat /run/secrets/file)" {digest(FILE)} && is "$VARIABLE" {digest(VARIABLE)}
      echo a step ran > /ran
    mounts: ["type=secret,id=file,required", "type=secret,id=variable,env=VARIABLE,required"]
""")
    flags = []
    for name, secret in {"file": FILE, "variable": VARIABLE, "hash": HASH, "GIT_AUTH_TOKEN": TOKEN}.items():
        (tmp_path / name).write_text(secret)
        flags.append(f"--secret=id={name},src={tmp_path / name}")
    return leftovers.build(engine, tmp_path / "engine", project, tmp_path, *flags)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
