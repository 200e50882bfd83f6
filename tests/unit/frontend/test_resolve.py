"""What a request asks of the engine before planning: a base from a Dockerfile, and trees to take files from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import llb
from frontend.errors import EngineError
from frontend.gateway import status as wire
from frontend.gateway.client import Ref, ResolvedImage, Solved, Stat
from frontend.plan.inputs import FileSource
from frontend.resolve import base
from frontend.result import image_config
from proto import ops_pb2, status_pb2
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask, names, places, told

DOCKERFILE = 'base: {dockerfile: os/Dockerfile, target: rootfs, args: {A: "1", B: "2"}}\n'


def delegate(**options: str) -> tuple[FakeClient, dict[str, str]]:
    """Build a system from a Dockerfile; return the client and the options that its frontend got."""
    made = llb.marshal(llb.image("debian:trixie", name="[rootfs 1/1] FROM debian:trixie"))
    client = ask(
        DOCKERFILE + "run: [ls]\n", FakeClient(outputs=BOOTABLE, other_frontend=made), **{"target": "image"} | options
    )
    assert client.error is None, client.error
    [(frontend, given, _)] = client.delegated
    assert frontend == "dockerfile.v0"
    return client, dict(given)


def test_a_dockerfile_gets_the_options_of_the_build_but_not_those_about_the_build_file() -> None:
    kept = {"add-hosts": "a=10.0.0.1", "no-cache": "", "context:other": "local:other", "build-arg:B": "3"}
    dropped = {"source": "me", "attest:sbom": "", "build-arg:BUILDKIT_SYNTAX": "x", "platform": "linux/arm64"}
    _, options = delegate(**kept, **dropped, cmdline="claylinux/frontend")
    assert options == {
        **kept,
        "build-arg:A": "1",
        "cmdline": "claylinux/frontend",
        "dockerfilekey": "context",
        "filename": "os/Dockerfile",
        "platform": "linux/arm64",
        "target": "rootfs",
    }


def test_the_date_of_the_build_file_is_that_of_its_dockerfile() -> None:
    client = ask(DOCKERFILE + "source_date_epoch: 1700000000\n")
    [(_, options, _)] = client.delegated
    assert options["build-arg:SOURCE_DATE_EPOCH"] == "1700000000"


def test_a_remote_context_has_the_dockerfile_too() -> None:
    _, options = delegate(context="https://git.example/x.git", dockerfilekey="dockerfile")
    assert options["context"] == "https://git.example/x.git"
    assert "dockerfilekey" not in options


def test_nothing_in_a_dockerfile_can_start_this_frontend_again() -> None:
    _, options = delegate()
    assert options["cmdline"]


def test_the_system_goes_on_from_what_the_dockerfile_made() -> None:
    client, _ = delegate()
    assert "[rootfs 1/1] FROM debian:trixie" in names(client)
    assert "[run 1/1] ls" in names(client)
    assert b"A=b" in llb.dump(client.solved[-1]).encode(), "the steps have the variables of the image"


def test_the_image_of_a_release_can_be_pinned() -> None:
    """The tag says for people which release it is, the digest for the engine which bytes."""
    pinned = f"trixie@sha256:{'a' * 64}"
    client = ask(f"base: {{preset: debian, release: {pinned}}}\n", FakeClient(outputs=BOOTABLE))
    assert client.error is None, client.error
    assert f"[base] debian:{pinned}" in names(client)
    for wrong in ("trixie@sha256:abc", f"trixie@{'a' * 64}", f"@sha256:{'a' * 64}"):
        assert "alone or with @sha256:" in told(ask(f'base: {{preset: debian, release: "{wrong}"}}\n'))


def test_a_dockerfile_that_makes_nothing_is_told_at_its_line() -> None:
    client = ask(DOCKERFILE)
    assert "gives an empty system" in told(client)
    assert places(client) == [1]


def test_each_tree_is_looked_at_once_for_all_that_is_taken_from_it() -> None:
    text = """\
base: {image: debian:trixie}
files:
  /a: {source: a}
  /b: {source: b}
run:
  - {script: ls, mounts: ["source=c,target=/c", "target=/all,from=other"]}
"""
    client = ask(
        text,
        FakeClient(files={"a": b"", "b": b"", "c": b""}, outputs=BOOTABLE),
        target="image",
        **{"context:other": "local:o"},
    )
    assert client.error is None, client.error
    followed = [line for line in llb.dump(client.solved[-1]).splitlines() if "[local.followpaths]" in line]
    assert followed == ['  attrs[local.followpaths]: "[\\"a\\",\\"b\\",\\"c\\"]"']


class Refusing(FakeClient):
    """An engine that finds no image, and no Dockerfile."""

    def resolve_image(self, ref: str, platform: llb.Platform, *, mode: str, log_name: str) -> ResolvedImage:
        if "ghost" in ref:
            raise EngineError(wire.make("pull access denied"))
        return super().resolve_image(ref, platform, mode=mode, log_name=log_name)

    def solve_frontend(self, *_: Any, **__: Any) -> Solved:
        raise EngineError(status_pb2.Status(code=2, message="open /os/Dockerfile: no such file or directory"))


@pytest.mark.parametrize(
    ("text", "options", "message", "line"),
    [
        ("base: {image: ghost}", {}, "image `ghost`: pull access denied", 1),
        ("base: {context: other}", {"context:other": "docker-image://ghost"}, "image `ghost`: pull access denied", 1),
        ("base: {context: other}", {"context:other": "docker-image://a b"}, "image `a b`: ", 1),
        ("base: {context: othr}", {"context:other": "local:o"}, "context `othr`: did you mean `other`?", 1),
        ("base: {context: zzz}", {}, "context `zzz`: pass it with --build-context zzz=DIRECTORY", 1),
        (
            "base: debian",
            {"platform": "linux/s390x"},
            "preset `debian` supports linux/amd64, linux/arm64, but not linux/s390x",
            1,
        ),
        (DOCKERFILE, {}, "`base`: os/Dockerfile: no such file in the build context", 1),
        (
            "base: debian\nrun:\n  - {script: ls, mounts: ['target=/a,from=ghost']}",
            {},
            "`run`: mount at /a: no build context is named `ghost`, and image `ghost`: pull access denied",
            3,
        ),
        ("base: debian\nfiles:\n  /a: {image: ghost, source: b}", {}, "image `ghost`: pull access denied", 3),
    ],
)
def test_what_the_engine_refuses_is_told_at_its_line(
    text: str, options: dict[str, str], message: str, line: int
) -> None:
    client = ask(f"{text}\n", Refusing(outputs=BOOTABLE), **options)
    assert message in told(client)
    assert places(client) == [line]


def test_a_mistake_in_a_dockerfile_is_told_in_the_dockerfile() -> None:
    source = llb.SourceFile(filename="os/Dockerfile", data=b"FORM x\n", language="Dockerfile")
    place = llb.SourceRange(start_line=1, start_char=0, end_line=1, end_char=4)

    class Failing(FakeClient):
        def solve_frontend(self, *_: Any, **__: Any) -> Solved:
            raise EngineError(wire.make("unknown instruction: FORM", source, (place,)))

    client = ask(DOCKERFILE, Failing(outputs=BOOTABLE))
    assert told(client) == "unknown instruction: FORM"
    assert client.error is not None
    infos = [detail["info"] for detail in wire.details(client.error, wire.SOURCE)]
    assert [info["filename"] for info in infos if isinstance(info, dict)] == ["os/Dockerfile"]


def test_a_linked_target_may_be_the_base() -> None:
    tree = llb.edit(llb.scratch(), llb.Mkdir("/from-bake"))

    class Linked(FakeClient):
        def inputs(self) -> Mapping[str, ops_pb2.Definition]:
            return {"sys": llb.marshal(tree).to_pb()}

    for text in ("base: {context: sys}\n", "base: {image: sys}\n"):
        client = ask(text, Linked(outputs=BOOTABLE), target="image", **{"context:sys": "input:sys"})
        assert client.error is None, client.error
        assert "/from-bake" in llb.dump(client.solved[-1])


def test_a_missing_package_file_is_told_at_its_line() -> None:
    client = ask("base: debian\npackages:\n  - less\n  - ./acme.deb\n")
    assert "`packages`: `acme.deb` is not in the build context" in told(client)
    assert places(client) == [4]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{image: tool, source: bin/toll}", "`bin/toll` is not in the image `tool`: did you mean `bin/tool`?"),
        ("{image: tool, source: zzz}", "`zzz` is not in the image `tool`: check the name"),
        ("{git: 'https://git.example/x', source: lib}", "`lib` is not in the repository `https://git.example/x`"),
        ("{source: bin/toll}", "`bin/toll` is not in the build context: check the name, and whether .dockerignore"),
        ("{context: othr, source: x}", "unknown build context `othr`: did you mean `other`?"),
    ],
)
def test_what_is_missing_is_told_at_its_line(entry: str, message: str) -> None:
    client = ask(
        f"base: {{image: debian:trixie}}\nfiles:\n  /a: {entry}\n",
        FakeClient(outputs={"bin/tool": b""}),
        **{"context:other": "local:o"},
    )
    assert message in told(client)
    assert places(client) == [3]


FRONTEND = f"docker-image://docker.io/claylinux/frontend:latest@sha256:{'0' * 64}"


def own_image(op: ops_pb2.Op, file: Path, monkeypatch: pytest.MonkeyPatch) -> ops_pb2.Op:
    """Say that the frontend is what `op` makes; return what the plan has for it: `op` itself if that is it."""
    op.platform.OS, op.platform.Architecture = "linux", "amd64"
    data = op.SerializeToString(deterministic=True)
    end = ops_pb2.Op(inputs=[ops_pb2.Input(digest=f"sha256:{hashlib.sha256(data).hexdigest()}")])
    definition = ops_pb2.Definition()
    getattr(definition, "def").extend((data, end.SerializeToString()))
    file.write_bytes(definition.SerializeToString())
    monkeypatch.setattr(base, "_OWN_IMAGE", file)
    client = ask("base: {image: 'x:1'}\n")
    assert client.error is None
    ops = [(each, ops_pb2.Op.FromString(each)) for each in getattr(client.solved[-1].to_pb(), "def")]
    (found,) = [each for each in ops if each[1].source.identifier == op.source.identifier]
    return op if found[0] == data else found[1]


def test_our_image_is_a_vertex_apart_from_the_frontend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows from the frontend's own finds nothing in imported caches."""
    marked = ops_pb2.Op(source=ops_pb2.SourceOp(identifier=FRONTEND, attrs={"image.recordtype": "frontend"}))
    made = own_image(marked, tmp_path / "frontend.bin", monkeypatch)
    assert made is not marked
    assert (made.source.identifier, dict(made.source.attrs)) == (FRONTEND, {})
    assert made.platform == marked.platform


@pytest.mark.parametrize(
    "source",
    [
        ops_pb2.SourceOp(identifier=FRONTEND, attrs={"image.recordtype": "frontend", "image.layerlimit": "1"}),
        ops_pb2.SourceOp(identifier="oci-layout://a/b@sha256:" + "0" * 64, attrs={"oci.store": "x"}),
    ],
)
def test_a_frontend_from_elsewhere_is_taken_as_it_is(
    source: ops_pb2.SourceOp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = ops_pb2.Op(source=source)
    made = own_image(op, tmp_path / "frontend.bin", monkeypatch)
    assert made is op


def test_a_source_that_is_a_link_to_nothing_is_told_as_such() -> None:
    client = ask(
        "base: debian\nfiles: {/a: {source: conf/x}, /b: {source: conf/y}}\n",
        FakeClient(outputs=BOOTABLE, links={"conf/x": "../shared/x"}),
    )
    assert client.error is not None
    first, second = client.error.message.splitlines()
    assert first == "`files`: /a: `conf/x` is a link to `../shared/x`, which is not in the build context"
    assert second.startswith("`files`: /b: `conf/y` is not in the build context: check the name")


class Nameless(FakeClient):
    """An engine that does not say what it found instead of a name."""

    def resolve_image(self, ref: str, platform: llb.Platform, *, mode: str, log_name: str) -> ResolvedImage:
        found = super().resolve_image(ref, platform, mode=mode, log_name=log_name)
        return ResolvedImage("", found.digest, found.config)


def test_an_image_without_another_name_has_its_own() -> None:
    text = "base: {image: acme/os}\n"
    one, other = (ask(text, kind(outputs=BOOTABLE), target="image") for kind in (FakeClient, Nameless))
    assert other.error is None, other.error
    assert f"@sha256:{'1' * 64}" in llb.dump(other.solved[-1])
    assert llb.dump(one.solved[-1]) == llb.dump(other.solved[-1])


@pytest.mark.parametrize(("path", "place"), [(".", "/"), ("", "/"), ("a/b", "/a/b"), ("/a", "/a"), ("//X/", "/X/")])
def test_the_place_of_a_path_in_a_tree(path: str, place: str) -> None:
    assert FileSource.place(path) == place


@pytest.mark.parametrize(("text", "variant"), [("linux/arm/v6", "v6"), ("linux/amd64", None)])
def test_the_config_of_an_image_names_its_platform(text: str, variant: str | None) -> None:
    platform = llb.Platform.parse(text)
    config = json.loads(image_config({"config": {"Labels": {"b": "2"}}}, platform, {"a": "1"}))
    assert (config["architecture"], config["os"], config.get("variant")) == (platform.architecture, "linux", variant)
    assert config["config"] == {"Labels": {"a": "1", "b": "2"}}


class Broken(FakeClient):
    """An engine that cannot load a tree."""

    def stat_file(self, ref: Ref, path: str) -> Stat | None:
        if path == "a":
            raise EngineError(wire.make("the session is gone"))
        return super().stat_file(ref, path)


@pytest.mark.parametrize(
    ("entry", "message", "lines"),
    [
        ("{source: a}", "the session is gone", []),
        (
            '{source: a, git: "https://git.example/c#v1"}',
            "`files`: /a: https://git.example/c#v1: the session is gone",
            [3],
        ),
        ('{source: a, image: "example/tool:1"}', "`files`: /a: example/tool:1: the session is gone", [3]),
    ],
)
def test_only_the_builds_own_files_fail_as_the_engine_says(entry: str, message: str, lines: list[int]) -> None:
    """Those of others are of the line that names them."""
    client = ask(f"base: debian\nfiles:\n  /a: {entry}\n", Broken(outputs=BOOTABLE), target="image")
    assert (told(client).splitlines()[0], places(client)) == (message, lines)
