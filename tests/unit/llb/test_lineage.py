"""The image that a foreign graph starts from: what a Dockerfile's last stage was made of."""

from __future__ import annotations

import pytest

import llb

AMD64 = llb.Platform("linux", "amd64")


def image() -> llb.State:
    return llb.image("alpine", platform=AMD64)


def other() -> llb.State:
    return llb.image("busybox", platform=AMD64)


def foreign(state: llb.State) -> llb.State:
    return llb.from_definition(llb.marshal(state).to_pb())


def ran(state: llb.State) -> llb.State:
    bind = llb.Bind(target="/src", source=other(), readonly=False)
    return llb.execute(state, ("make",), mounts=(bind,)).root


def source_of(state: llb.State) -> str:
    return next(line for line in llb.dump(llb.marshal(state)).splitlines() if "alpine" in line or "busybox" in line)


@pytest.mark.parametrize(
    "state",
    [
        ran(image()),
        ran(ran(image())),
        llb.edit(image(), llb.Mkdir("/a"), llb.Copy(source=other(), src="/b", dest="/c")),
        llb.merge([image(), other()]),
        ran(llb.merge([llb.edit(image(), llb.Mkdir("/a")), other()])),
    ],
    ids=["run", "runs", "files", "merge", "all"],
)
def test_the_root_leads_to_the_image(state: llb.State) -> None:
    found = llb.image_below(foreign(state))
    assert found is not None
    assert "alpine" in source_of(found)
    # It is the vertex that is in the graph anyway: nothing is fetched or unpacked again.
    assert set(getattr(llb.marshal(found).to_pb(), "def")[:1]) <= set(getattr(llb.marshal(state).to_pb(), "def"))


@pytest.mark.parametrize(
    "state",
    [
        image(),
        llb.edit(llb.scratch(), llb.Copy(source=image(), src="/", dest="/")),
        llb.edit(llb.local("context", name="x"), llb.Mkdir("/a")),
        llb.execute(image(), ("make",), mounts=(llb.Bind(target="/out", source=llb.scratch(), readonly=False),)).mount(
            "/out"
        ),
    ],
    ids=["the image itself", "scratch", "a folder", "another output"],
)
def test_there_may_be_none(state: llb.State) -> None:
    assert llb.image_below(foreign(state)) is None
