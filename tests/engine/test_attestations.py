"""What is in a system and how it was made: as attestations, and as files of their own."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.engine.test_system import BASE, HEAD, build
from tests.support.engine import Engine, digests
from tests.support.registry import Registry
from tests.support.web import TOKEN, Server

pytestmark = pytest.mark.engine

FROM_EVERYWHERE = """\
name: attested
base: {{image: "{host}/bootable"}}
files:
  /srv/own: {{source: own}}
  /srv/box: {{image: "{host}/bootable", source: /bin/busybox}}
  /srv/plain: {{url: {url}/tool}}
  /srv/pack: {{url: {url}/pack.tgz, unpack: true, checksum: sha256:{pack}}}
  /srv/v1: {{git: "{url}/git/site.git#v1:public", source: .}}
run: [echo done >/srv/done]
outputs: [efi, raw]
"""

COSIGN = """\
FROM debian:trixie
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends cosign
ENV COSIGN_PASSWORD=
WORKDIR /keys
ENTRYPOINT ["cosign"]
"""


@pytest.fixture
def bootable(
    throwaway_engine: Callable[..., Engine], registry: Registry, small: Path
) -> Iterator[tuple[Engine, Registry]]:
    """Yield an engine whose client may ask for attestations, and a registry with a bootable image."""
    engine = throwaway_engine(containerd_store=True)
    engine.buildx(small, target="bootable", output=f"type=image,name={registry.host}/bootable,push=true").check()
    yield engine, registry


def test_attestations_say_where_everything_comes_from(
    bootable: tuple[Engine, Registry], web: Server, tmp_path: Path
) -> None:
    engine, registry = bootable
    (tmp_path / "token").write_text(TOKEN)
    project = tmp_path / "project"
    project.mkdir()
    (project / "own").write_text("own\n")
    files = {name: sha256(tmp_path / "web" / name) for name in ("tool", "pack.tgz")}
    text = FROM_EVERYWHERE.format(host=registry.host, url=web.url, pack=files["pack.tgz"])
    asked = ("--sbom=true", "--provenance=mode=max", f"--secret=id=GIT_AUTH_TOKEN,src={tmp_path / 'token'}")
    found, out = [], tmp_path
    for number in range(2):
        out = tmp_path / f"out{number}"
        build(engine, tmp_path, HEAD + text, f"--output={out}", "--no-cache", *asked).check()
        found.append((out / "sbom.spdx.json").read_bytes())
    assert found[0] == found[1], "the same input gives the same list"
    written = digests(out)
    statement = json.loads(found[0])
    assert statement["predicateType"] == "https://spdx.dev/Document"
    subjects = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    assert subjects == {name: written[name] for name in ("attested.efi", "attested.img")}
    base = f"{registry.host}/bootable@{registry.digest('bootable')}"
    check_sbom(statement["predicate"], tmp_path, base, files)
    check_provenance(json.loads((out / "provenance.json").read_text()), base, web, files)


def check_sbom(document: dict[str, Any], tmp_path: Path, base: str, files: dict[str, str]) -> None:
    assert problems(document, tmp_path) == []
    parts = {each["name"]: each for each in document["packages"]}
    sums = {name: each["checksums"][0]["checksumValue"] for name, each in parts.items() if "checksums" in each}
    purls = {name: refs[0]["referenceLocator"] for name, each in parts.items() if (refs := each.get("externalRefs"))}
    image = f"pkg:docker/{base.replace('@', '?digest=')}"
    assert purls[base.partition("@")[0]] == image
    assert sums[base.partition("@")[0]] == base.partition("@sha256:")[2]
    assert purls["/srv/box"] == f"{image}#bin/busybox"
    assert sums["/srv/own"] == hashlib.sha256(b"own\n").hexdigest()
    assert (sums["/srv/plain"], sums["/srv/pack"]) == (files["tool"], files["pack.tgz"])
    page = git_object(b"blob", b"one")
    tree = git_object(b"tree", b"100644 page\0" + page)
    assert parts["/srv/v1"]["externalRefs"][1]["referenceLocator"] == f"swh:1:dir:{tree.hex()}"
    assert {"systemd-stub", "claylinux-init", "linux"} <= set(sums)


def check_provenance(statement: dict[str, Any], base: str, web: Server, files: dict[str, str]) -> None:
    """Compare what the engine writes down: where all comes from, the build file, and each step."""
    assert statement["predicateType"].startswith("https://slsa.dev/provenance/")
    predicate = statement["predicate"]
    found = {each["uri"].partition("?")[0]: each["digest"] for each in predicate["materials"]}
    image = base.partition("@")[0].replace(":", "%3A", 1)
    assert found[f"pkg:docker/{image}@latest"] == {"sha256": base.partition("@sha256:")[2]}
    assert found[f"{web.url}/tool"] == {"sha256": files["tool"]}
    assert found[f"{web.url}/pack.tgz"] == {"sha256": files["pack.tgz"]}
    commit = subprocess.run(
        ["git", "rev-parse", "v1"], cwd=web.root / "git/site.git", capture_output=True, text=True, check=True
    ).stdout.strip()
    assert found[f"{web.url}/git/site.git#v1"] == {"sha1": commit}
    assert any(name.startswith("pkg:docker/claylinux/frontend@") for name in found)
    steps = json.dumps(predicate["buildConfig"])
    for part in ("echo done >/srv/done", "packing.Uki", "/bin/busybox", f"{web.url}/pack.tgz"):
        assert part in steps, part
    (source,) = predicate["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["source"]["infos"]
    assert source["filename"] == "claylinux.yaml"
    assert b"echo done >/srv/done" in base64.b64decode(source["data"])
    assert TOKEN not in json.dumps(statement)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def git_object(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (kind, len(data)) + data, usedforsecurity=False).digest()


def problems(document: dict[str, Any], tmp_path: Path) -> list[str]:
    """Return what the validator of SPDX says, except that it knows no hosts without a domain."""
    place = tmp_path / "checked.spdx.json"
    place.write_text(json.dumps(document))
    found = [each.validation_message for each in validate_full_spdx_document(parse_file(str(place)))]
    return [each for each in found if "127.0.0.1" not in each]


def test_an_image_carries_its_list_into_a_registry(bootable: tuple[Engine, Registry], tmp_path: Path) -> None:
    """The statement is about the image, whatever the client names as a scanner: none is pulled."""
    engine, registry = bootable
    text = f'{HEAD}name: pushed\nbase: {{image: "{registry.host}/bootable"}}\n'
    push = f"type=image,name={registry.host}/own,push=true"
    asked = ("--attest=type=sbom,generator=localhost:1/no/scanner", "--provenance=mode=max")
    done = build(engine, tmp_path, text, "--target=image", f"--output={push}", *asked).check()
    assert "localhost:1/no/scanner does not run" in done.log
    image = f"{registry.host}/own"
    document = json.loads(engine.docker("buildx", "imagetools", "inspect", image, "--format={{json .SBOM.SPDX}}"))
    assert problems(document, tmp_path) == []
    names = {each["name"] for each in document["packages"]}
    assert {"pushed", f"{registry.host}/bootable", "linux"} <= names
    assert not names & {"systemd-stub", "claylinux-init"}, "they boot outputs, and are not in an image"
    made = json.loads(engine.docker("buildx", "imagetools", "inspect", image, "--format={{json .Provenance.SLSA}}"))
    assert f"pkg:docker/{registry.host.replace(':', '%3A')}/bootable" in json.dumps(made["materials"])
    index = json.loads(engine.docker("buildx", "imagetools", "inspect", image, "--raw"))
    system, attestation = index["manifests"]
    assert attestation["annotations"]["vnd.docker.reference.digest"] == system["digest"]


@pytest.mark.parametrize(("target", "ending"), [("sbom", "spdx"), ("cyclonedx", "cdx")])
def test_a_list_without_attestations(engine: Engine, tmp_path: Path, target: str, ending: str) -> None:
    """With the classic image store, and from any client: the packages that dpkg itself lists."""
    text = f"{BASE}name: listed\npackages: [less]\n"
    build(engine, tmp_path, text, f"--target={target}", f"--output={tmp_path / 'out'}").check()
    build(engine, tmp_path, text, "--target=image", "--output=type=docker,name=claylinux-test/listed").check()
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == f"listed.{ending}.json"
    document = json.loads(file.read_text())
    parts = document["packages" if target == "sbom" else "components"]
    key = "versionInfo" if target == "sbom" else "version"
    found = {(each["name"], each[key]) for each in parts if "pkg:deb/" in json.dumps(each)}
    query = ("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package} ${Version}\\n")
    try:
        said = engine.docker("run", "--rm", "--network=none", "claylinux-test/listed", *query)
    finally:
        engine.docker("rmi", "claylinux-test/listed")
    assert found == {tuple(line[3:].split()) for line in said.splitlines() if line.startswith("ii ")}
    assert ("less", dict(found)["less"]) in found


def test_a_signature_of_the_image_covers_both_documents(
    engine: Engine, bootable: tuple[Engine, Registry], tmp_path: Path
) -> None:
    """With cosign, as the guide says it: the index is signed, and it names image and documents by digest."""
    builder, registry = bootable
    text = f'{HEAD}base: {{image: "{registry.host}/bootable"}}\n'
    push = f"type=image,name={registry.host}/signed,push=true"
    build(builder, tmp_path, text, "--target=image", f"--output={push}", "--sbom=true", "--provenance=mode=max").check()
    (tmp_path / "cosign").mkdir()
    (tmp_path / "cosign/Dockerfile").write_text(COSIGN)
    engine.buildx(tmp_path / "cosign", "--tag=claylinux-test/cosign", "--load").check()
    run = ("run", "--rm", "--network=host", f"--volume={tmp_path}:/keys", "claylinux-test/cosign")
    image = f"{registry.host}/signed@{registry.digest('signed')}"
    verify = ("verify", "--key=cosign.pub", "--insecure-ignore-tlog")
    try:
        engine.docker(*run, "generate-key-pair")
        engine.docker(*run, "sign", "--key=cosign.key", "--tlog-upload=false", image)
        (signed,) = json.loads(engine.docker(*run, *verify, image))
        assert signed["critical"]["image"]["docker-manifest-digest"] == image.partition("@")[2]
        with pytest.raises(AssertionError, match="no signatures found"):
            engine.docker(*run, *verify, f"{registry.host}/bootable")
    finally:
        engine.docker("rmi", "claylinux-test/cosign")
