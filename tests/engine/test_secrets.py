"""Where secrets of a build are afterwards: nowhere; and a password's hash where the documentation says.

docs/internals/trust.md says what the engine sees of them.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.test_system import BASE
from tests.support.engine import Engine
from tests.support.web import TOKEN, Server

pytestmark = pytest.mark.engine

FILE = "claylinux-mark-of-a-file-5b1c0e"
VARIABLE = "claylinux-mark-of-a-variable-9d27fa"
HASH = "$6$claylinuxmark$" + "h" * 86
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Place:
    """Bytes that a build left. `kind` is layer, cache, config, provenance, log, metadata or engine."""

    kind: str
    name: str
    content: bytes


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
            if holds(place.content, mark):
                found[mark].add(place.kind)
    assert kinds == {"layer", "cache", "config", "provenance", "log", "metadata", "engine"}
    assert {"layer", "cache", "engine"} <= found["a step ran"]
    assert [mark for mark in (FILE, VARIABLE, TOKEN) if found[mark]] == []
    assert found[HASH] == {"layer", "cache", "engine"}


def build(engine: Engine, web: Server, tmp_path: Path) -> Iterator[Place]:
    """Build with every kind of secret that there is; return all that it left behind."""
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
    flags = ["--target=image", "--attest=type=provenance,mode=max", f"--metadata-file={tmp_path}/metadata"]
    flags += [f"--cache-to=type=local,dest={tmp_path}/cache,mode=max"]
    for name, secret in {"file": FILE, "variable": VARIABLE, "hash": HASH, "GIT_AUTH_TOKEN": TOKEN}.items():
        (tmp_path / name).write_text(secret)
        flags.append(f"--secret=id={name},src={tmp_path / name}")
    log = engine.buildx(project, *flags, output=f"type=oci,dest={tmp_path}/image.tar").check().log
    yield Place("log", "of the build", log.encode())
    yield Place("log", "of the engine", Path(engine.env["DOCKER_CONFIG"]).with_name("dockerd.log").read_bytes())
    yield Place("metadata", "", (tmp_path / "metadata").read_bytes())
    for path in (tmp_path / "cache/blobs").rglob("*"):
        if path.is_file():
            yield Place("cache", path.name, path.read_bytes())
    with tarfile.open(tmp_path / "image.tar") as tar:
        for member in tar:
            if file := tar.extractfile(member):
                content = file.read()
                yield Place(kind_of(content), member.name, content)
    # Its databases, the history among them, and every snapshot.
    for path in (tmp_path / "engine").rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield Place("engine", str(path), path.read_bytes())


def kind_of(blob: bytes) -> str:
    """Return what a blob of an OCI image is."""
    if blob.startswith(_GZIP):
        return "layer"
    try:
        return "provenance" if "predicate" in json.loads(blob) else "config"
    except ValueError:
        return "layer"


def holds(content: bytes, mark: str) -> bool:
    """Tell whether the mark is in there, as it is or as credentials of a request."""
    if content.startswith(_GZIP):
        content = gzip.decompress(content)
    needles = [mark.encode(), *(base64.b64encode(f"{user}{mark}".encode()) for user in ("", "x-access-token:"))]
    return any(needle.rstrip(b"=") in content for needle in needles)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
