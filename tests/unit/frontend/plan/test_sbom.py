"""The list of what is in a system: who gets it, and what its step is told."""

from __future__ import annotations

import pytest

import llb
from frontend.gateway.client import Attestation
from imager import commands
from imager.requests.sbom import Sbom
from proto import ops_pb2
from spec.files import CopiedFile, FetchedFile
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask

STEP = "[sbom] what is in claylinux"
SUM = f"sha256:{'2' * 64}"
PINNED = f"@sha256:{'1' * 64}"
FILES = f"""\
base: debian
version: "1.2"
files:
  /a: {{source: a}}
  /b: {{source: b, image: "example/tool:1"}}
  /c: {{source: ., git: "https://git.example/c.git#v1"}}
  /d: {{url: "https://files.example/d"}}
  /e: {{url: "https://files.example/e", checksum: "{SUM}"}}
  /f: text
  /g: {{directory: true}}
"""


def step_of(definition: llb.Definition) -> ops_pb2.ExecOp | None:
    """Return the step that makes a list, if a graph has one."""
    *ops, _ = getattr(definition.to_pb(), "def")
    for vertex, data in zip(definition.vertices.values(), ops, strict=True):
        if vertex.name.startswith(STEP):
            return ops_pb2.Op.FromString(data).exec
    return None


def request_of(definition: llb.Definition) -> Sbom:
    step = step_of(definition)
    assert step is not None
    (request,) = commands.parse(step.meta.args[3:])
    assert isinstance(request, Sbom)
    return request


def result_of(client: FakeClient) -> llb.Definition:
    assert client.error is None, client.error
    assert client.result is not None and client.result.ref is not None
    return client.solved[int(client.result.ref.id)]


@pytest.mark.parametrize("option", ["attest:sbom", "build-arg:BUILDKIT_ATTEST_SBOM"])
def test_who_asks_gets_a_list_beside_the_outputs(option: str) -> None:
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE), **{option: ""})
    assert step_of(result_of(client)) is None, "no output waits for the list"
    assert client.result is not None
    ((platform, found),) = client.result.attestations.items()
    assert platform == "linux/amd64"
    path = "/sbom.spdx.json"
    assert found == Attestation(found.ref, path, kind="https://spdx.dev/Document", reason="sbom")
    request = request_of(client.solved[int(found.ref.id)])
    assert (request.form, request.output) == ("spdx", f"/out{path}")
    assert request.stub and request.init


@pytest.mark.parametrize("options", [{}, {"attest:sbom": "disabled=true"}, {"attest:provenance": "mode=max"}])
def test_nobody_else_pays_for_it(options: dict[str, str]) -> None:
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE), **options)
    result_of(client)
    assert client.result is not None and not client.result.attestations
    assert not any(step_of(each) for each in client.solved)


def test_a_scanner_does_not_run_and_the_user_is_told() -> None:
    options = {"attest:sbom": "type=sbom,generator=example/scanner:1"}
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE), **options)
    result_of(client)
    assert client.result is not None and client.result.attestations
    assert client.warned == ["Claylinux lists what is in the system itself: example/scanner:1 does not run"]


def test_an_engine_that_takes_none_gets_none() -> None:
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE, frontend_caps=frozenset()), **{"attest:sbom": ""})
    result_of(client)
    assert client.result is not None and not client.result.attestations


@pytest.mark.parametrize(("target", "form", "name"), [("sbom", "spdx", "spdx"), ("cyclonedx", "cyclonedx", "cdx")])
def test_a_target_gives_nothing_but_the_list(target: str, form: str, name: str) -> None:
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE), target=target)
    request = request_of(result_of(client))
    assert (request.form, request.output) == (form, f"/out/claylinux.{name}.json")
    assert request.stub and request.init
    names = [vertex.name for each in client.solved for vertex in each.vertices.values()]
    assert not [each for each in names if each.startswith(("[initramfs]", "[uki]", "[output", "[system] inspect"))]


def test_nothing_of_ours_boots_an_image() -> None:
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE), target="image", **{"attest:sbom": ""})
    result_of(client)
    assert client.result is not None
    request = request_of(client.solved[int(client.result.attestations["linux/amd64"].ref.id)])
    assert (request.stub, request.init) == ("", "")


def test_each_platform_has_its_own() -> None:
    options = {"platform": "linux/amd64,linux/arm64", "attest:sbom": ""}
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE), target="image", **options)
    assert client.error is None, client.error
    assert client.result is not None
    assert set(client.result.attestations) == set(client.result.refs) == {"linux/amd64", "linux/arm64"}
    graphs = [client.solved[int(each.ref.id)] for each in client.result.attestations.values()]
    assert [vertex.name for graph in graphs for vertex in graph.vertices.values() if vertex.name.startswith(STEP)] == [
        f"{STEP} (linux/amd64)",
        f"{STEP} (linux/arm64)",
    ]


def test_what_the_step_is_told() -> None:
    client = ask(FILES, FakeClient(outputs={**BOOTABLE, "a": b"", "b": b""}), target="sbom")
    definition = result_of(client)
    request = request_of(definition)
    assert request.base == f"debian:trixie{PINNED}"
    assert (request.name, request.version) == ("claylinux", "1.2")
    assert list(request.file) == ["/a", "/b", "/c", "/d", "/e"]
    assert request.file["/b"] == CopiedFile(source="b", image="example/tool:1")
    assert request.file["/e"] == FetchedFile(url="https://files.example/e", checksum=SUM)
    # What has a checksum was compared with it by the engine, so it is not read again.
    assert request.tree == ("/sources/0", "/sources/1", "/sources/2", "/sources/3/file", "")
    assert request.origin == ("", f"example/tool:1{PINNED}", "", "", "")
    step = step_of(definition)
    assert step is not None
    mounts = {mount.dest for mount in step.mounts if mount.dest.startswith("/sources/") and mount.readonly}
    assert mounts == {"/sources/0", "/sources/1", "/sources/2", "/sources/3"}


def test_the_base_of_a_dockerfile_is_its_image() -> None:
    image = llb.image(str(llb.Reference.parse("alpine:3.22")) + "@sha256:" + "3" * 64)
    made = llb.marshal(llb.execute(image, ("make",)).root)
    client = ask("base: {dockerfile: Dockerfile}\n", FakeClient(outputs=BOOTABLE, other_frontend=made), target="sbom")
    assert request_of(result_of(client)).base == f"alpine:3.22@sha256:{'3' * 64}"


def test_a_directory_is_no_base_image() -> None:
    client = ask(
        "base: {context: other}\n", FakeClient(outputs=BOOTABLE), target="sbom", **{"context:other": "local:other"}
    )
    assert request_of(result_of(client)).base == ""


def test_a_system_without_a_version_has_none() -> None:
    request = request_of(result_of(ask("base: debian\n", FakeClient(outputs=BOOTABLE), target="sbom")))
    assert (request.version, request.file, request.tree, request.origin) == ("", {}, (), ())


@pytest.mark.parametrize(("name", "anew"), [("sbom", True), ("run", False)])
def test_the_step_can_be_made_anew(name: str, anew: bool) -> None:
    client = ask("base: debian\n", FakeClient(outputs=BOOTABLE), target="sbom", **{"no-cache": name})
    definition = result_of(client)
    (digest,) = (each for each, vertex in definition.vertices.items() if vertex.name.startswith(STEP))
    assert definition.to_pb().metadata[digest].ignore_cache == anew
