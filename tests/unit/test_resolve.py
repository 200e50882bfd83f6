"""What a request asks of the engine before planning: a base from a Dockerfile, and trees to take files from."""

from __future__ import annotations

import pytest

import llb
from tests.support.fake_client import FakeClient
from tests.unit.test_app import BOOTABLE, ask, names, places, told

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
    assert names(client)[0] == "[rootfs 1/1] FROM debian:trixie"
    assert "[run 1/1] ls" in names(client)
    assert b"A=b" in llb.dump(client.solved[-1]).encode(), "the steps have the variables of the image"


def test_a_dockerfile_that_makes_nothing_is_told_at_its_line() -> None:
    client = ask(DOCKERFILE)
    assert "makes an empty system" in told(client)
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
    client = ask(text, FakeClient(files={"a": b"", "b": b"", "c": b""}), target="image", **{"context:other": "local:o"})
    assert client.error is None, client.error
    followed = [line for line in llb.dump(client.solved[-1]).splitlines() if "[local.followpaths]" in line]
    assert followed == ['  attrs[local.followpaths]: "[\\"a\\",\\"b\\",\\"c\\"]"']


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{image: tool, source: bin/toll}", "'bin/toll' is not in the image 'tool'; did you mean 'bin/tool'?"),
        ("{image: tool, source: zzz}", "'zzz' is not in the image 'tool'; is the name right?"),
        ("{git: 'https://git.example/x', source: lib}", "'lib' is not in the repository 'https://git.example/x'"),
        ("{source: bin/toll}", "'bin/toll' is not in the build context; is the name right, and does .dockerignore"),
        ("{context: othr, source: x}", "no build context 'othr': give it with --build-context othr=FOLDER; did you"),
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
