"""What a state was made from: the image that a Dockerfile's last stage starts from, the steps of our own."""

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


def test_every_version_of_a_tree_is_found_down_to_the_image() -> None:
    """In our own graph and, below it, in that of a Dockerfile."""
    dockerfile = foreign(ran(ran(image())))
    packed = llb.edit(dockerfile, llb.Mkdir("/a"))
    bind = llb.Bind(target="/system", source=packed, readonly=False)
    edited = llb.execute(other(), ("edit",), mounts=(bind,), readonly_root=True).mount("/system")
    finished = llb.execute(edited, ("run",)).root
    found = [*llb.versions(finished)]
    assert found[:3] == [edited, packed, dockerfile]
    assert len(found) == 5
    assert "alpine" in source_of(found[-1])


@pytest.mark.parametrize("state", [image(), llb.scratch(), llb.edit(llb.scratch(), llb.Mkdir("/a"))])
def test_what_changes_nothing_has_no_version_below(state: llb.State) -> None:
    assert [*llb.versions(state)] == []
