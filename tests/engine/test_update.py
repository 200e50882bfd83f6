"""What `--target update` publishes, in a real registry and as files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.support.dockerfile import make_small
from tests.support.engine import Engine
from tests.support.registry import Registry
from tests.support.updates import Pair, make_pair, make_updatable

pytestmark = pytest.mark.engine

TEXT = """\
# syntax=claylinux/frontend
name: web
args: {VERSION: "1.0.9", LINE: one}
version: ${VERSION}
base: {dockerfile: Dockerfile, target: updatable}
files: {/etc/motd: "line ${LINE}\\n"}
update: {from: oci://registry.example/web, key: {secret: update.key, public: update.pub}}
labels: {org.opencontainers.image.source: https://git.example/web}
"""
KINDS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
"""What a machine asks for: the classic store of Docker pushes the second kind."""


@dataclass(frozen=True)
class Project:
    """A build context, and the key that signs its updates."""

    context: Path
    pair: Pair

    def build(self, engine: Engine, *words: str, output: str | Path) -> None:
        """Build what machines fetch."""
        secret = f"--secret=id=update.key,src={self.pair.key}"
        engine.buildx(self.context, secret, *words, target="update", output=output).check()


@pytest.fixture(scope="module")
def project(busybox: Path, debian_kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    directory = tmp_path_factory.mktemp("update")
    context = make_small(directory / "context", busybox, debian_kernel)
    pair = make_pair(directory)
    make_updatable(context)
    (context / "update.pub").write_bytes(pair.public.read_bytes())
    (context / "claylinux.yaml").write_text(TEXT)
    return Project(context, pair)


def fetch(registry: Registry, path: str) -> bytes:
    with urlopen(Request(f"http://{registry.host}/v2/{path}", headers={"Accept": KINDS})) as answer:
        data: bytes = answer.read()
        return data


def layers(registry: Registry, tag: str) -> tuple[dict[str, bytes], ...]:
    """Return the files of each layer, by path, as a machine gets them."""
    found = []
    for layer in json.loads(fetch(registry, f"web/manifests/{tag}"))["layers"]:
        blob = fetch(registry, f"web/blobs/{layer['digest']}")
        assert len(blob) == layer["size"]
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as archive:
            members = [each for each in archive if each.isfile()]
            assert {each.name for each in archive} <= {"pieces", *(each.name for each in members)}
            assert {(each.mode, each.uid, each.gid, each.mtime) for each in members} == {(0o644, 0, 0, 315532800)}
            found.append({each.name: archive.extractfile(each).read() for each in members})  # type: ignore[union-attr]
    return tuple(found)


def listed(index: bytes) -> list[str]:
    return [line.split()[1] for line in index.decode().splitlines() if line.startswith("piece ")]


def test_a_registry_and_a_web_server_have_the_same(
    engine: Engine, project: Project, registry: Registry, tmp_path: Path
) -> None:
    image = f"type=image,name={registry.host}/web:%s,push=true,oci-mediatypes=true"
    project.build(engine, "--provenance=false", output=image % "stable")
    project.build(engine, output=tmp_path / "out")
    *pieces, last = layers(registry, "stable")
    files = {str(each.relative_to(tmp_path / "out")): each.read_bytes() for each in (tmp_path / "out").rglob("*.*")}
    assert last.keys() == files.keys() == {"update.pieces", "update.pieces.sig"}
    assert last == files
    index = last["update.pieces"]
    assert [[*each] for each in pieces] == [[f"pieces/{digest}"] for digest in dict.fromkeys(listed(index))]
    for each in pieces:
        for path, data in each.items():
            assert hashlib.sha256(data).hexdigest() == path.removeprefix("pieces/")
            assert (tmp_path / "out" / path).read_bytes() == data
    labels = registry.image_config("web", "stable")["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == "1.0.9"
    # Once more, with nothing of the first time: the same digest, and so nothing to push.
    first = registry.digest("web", "stable")
    project.build(engine, "--provenance=false", "--no-cache-filter=update,uki,initramfs", output=image % "again")
    assert registry.digest("web", "again") == first


def test_a_line_costs_a_few_kilobytes(engine: Engine, project: Project, registry: Registry, tmp_path: Path) -> None:
    image = f"type=image,name={registry.host}/web:%s,push=true,oci-mediatypes=true"
    sizes: list[dict[str, int]] = []
    for version, line in (("1.0.9", "one"), ("1.0.10", "two")):
        words = ("--provenance=false", f"--build-arg=VERSION={version}", f"--build-arg=LINE={line}")
        project.build(engine, *words, output=image % version)
        manifest = json.loads(fetch(registry, f"web/manifests/{version}"))
        sizes.append({each["digest"]: each["size"] for each in manifest["layers"]})
    old, new = sizes
    fetched = sum(size for digest, size in new.items() if digest not in old)
    assert sum(new.values()) > 8_000_000
    assert 0 < fetched < 100_000


def test_without_the_right_key_nothing_is_made(engine: Engine, project: Project, tmp_path: Path) -> None:
    assert engine.buildx(project.context, target="update", output=tmp_path / "without").returncode != 0
    other = make_pair(tmp_path, "other")
    ran = engine.buildx(project.context, f"--secret=id=update.key,src={other.key}", output=tmp_path / "other")
    assert ran.returncode != 0
    assert "the private key that the build got is not that of its public `key`" in ran.log
    assert not (tmp_path / "without").exists()
    assert not (tmp_path / "other").exists()
