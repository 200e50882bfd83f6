"""A builder that cannot run the programs of a system is found before the first of them starts."""

from __future__ import annotations

import pytest

import llb
from frontend.errors import EngineError
from frontend.gateway import status as wire
from llb import Definition, Platform
from tests.support.fake_client import FakeClient
from tests.support.whole_request import ask, places, told

PROBE = "[internal] can linux/arm64 be run here?"
WORDS = 'process "/runs" did not complete successfully: exit code: 1'


def names(client: FakeClient) -> list[str]:
    """Return the vertex names of all graphs that were solved."""
    return [vertex.name for definition in client.solved for vertex in definition.vertices.values()]


def refuse(definition: Definition) -> None:
    """Fail as an engine does that has no emulator."""
    if any(vertex.name == PROBE for vertex in definition.vertices.values()):
        raise EngineError(wire.make(WORDS))


def test_a_builder_without_emulator_is_told_at_the_step() -> None:
    """No step of the system was asked for, and the message says what to do."""
    client = ask("base: debian\noutputs: [efi]\n", FakeClient(on_solve=refuse), platform="linux/arm64")
    message = told(client)
    step = "[base] debian with linux-image-arm64"
    assert message.startswith(f"this builder cannot run programs for linux/arm64, as {step}")
    assert "docker run --privileged --rm tonistiigi/binfmt --install arm64" in message
    assert "qemu-user-static" in message
    assert places(client) == [1]
    assert [name for name in names(client) if name.startswith(("[base]", "[initramfs]"))] == []


def test_what_the_list_of_the_engine_lacks_may_run_all_the_same() -> None:
    """The emulators of BuildKit's own image are not in it."""
    client = ask("base: debian\noutputs: [efi]\n", platform="linux/arm64")
    assert PROBE in names(client)
    assert "cannot run" not in (client.error.message if client.error else "")
    assert any(name.startswith("[base] debian with ") for name in names(client))


@pytest.mark.parametrize(
    ("text", "platform"),
    [("base: debian\n", "linux/amd64"), ("base: {image: x}\nfiles: {/a: b}\nhostname: c\n", "linux/arm64")],
    ids=["its own", "nothing to run"],
)
def test_nothing_is_tried_where_nothing_foreign_runs(text: str, platform: str) -> None:
    client = ask(f"{text}outputs: [efi]\n", FakeClient(on_solve=refuse), platform=platform)
    assert PROBE not in names(client)


def test_steps_of_a_dockerfile_count() -> None:
    """They are part of the graph, and have no names of ours."""
    image = llb.image("debian:trixie@sha256:" + "1" * 64, platform=Platform("linux", "arm64"))
    run = llb.execute(image, ("/bin/sh", "-c", "true"), platform=Platform("linux", "arm64"))
    client = FakeClient(on_solve=refuse, other_frontend=llb.marshal(run.root))
    text = "base: {dockerfile: Dockerfile}\noutputs: [efi]\n"
    assert "as a step of the Dockerfile has to" in told(ask(text, client, platform="linux/arm64"))


def test_another_failure_stays_what_it_is() -> None:
    def fail(definition: Definition) -> None:
        if any(vertex.name == PROBE for vertex in definition.vertices.values()):
            raise EngineError(wire.make("no space left on device"))

    client = ask("base: debian\n", FakeClient(on_solve=fail), platform="linux/arm64")
    assert told(client) == "no space left on device"
