"""What holds for every graph, on graphs made at random."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

import llb
from proto import ops_pb2

TARGETS = ("/a", "/a/b", "/a-b", "/ä", "/z")


@st.composite
def mounts(draw: st.DrawFn, source: llb.State) -> tuple[llb.Mount, ...]:
    made: list[llb.Mount] = []
    for target in draw(st.lists(st.sampled_from(TARGETS), unique=True)):
        kind = draw(st.sampled_from(["read", "write", "waste", "cache", "tmpfs"]))
        if kind == "cache":
            made.append(llb.Cache(target=target, id=target))
        elif kind == "tmpfs":
            made.append(llb.Tmpfs(target=target))
        else:
            tree = source if draw(st.booleans()) else llb.scratch()
            made.append(llb.Bind(target=target, source=tree, readonly=kind == "read", keep=kind == "write"))
    return tuple(made)


@st.composite
def graphs(draw: st.DrawFn) -> llb.State:
    """Return a state made in a few random steps, each from any earlier states."""
    states = [llb.scratch(), llb.image("debian", platform=llb.Platform("linux", "amd64"))]
    for number in range(draw(st.integers(1, 6))):
        one, two = draw(st.sampled_from(states)), draw(st.sampled_from(states))
        name = draw(st.sampled_from(["", "x", "ü"]))
        match draw(st.sampled_from(["run", "file", "copy", "merge", "diff"])):
            case "run":
                result = llb.execute(one, [str(number)], mounts=draw(mounts(two)), name=name)
                kept = [mount for mount in result.op.mounts if isinstance(mount, llb.Bind) and mount.has_output]
                states.extend([result.root, *(result.mount(mount.target) for mount in kept)])
            case "copy" if not two.is_scratch:
                states.append(llb.edit(one, llb.Copy(two, "/a", "/b"), llb.Mkdir("/c"), name=name))
            case "merge":
                states.append(llb.merge([one, two], name=name))
            case "diff":
                states.append(llb.diff(one, two, name=name))
            case _:
                states.append(llb.edit(one, llb.Mkfile(f"/{number}", b""), ignore_cache=draw(st.booleans())))
    return states[-1]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_graph_is_whole_and_in_order(state: llb.State) -> None:
    message = llb.marshal(state).to_pb()
    outputs: dict[str, int] = {}
    for data in getattr(message, "def"):
        op = ops_pb2.Op.FromString(data)
        assert all(edge.index < outputs[edge.digest] for edge in op.inputs)
        edges = [(edge.digest, edge.index) for edge in op.inputs]
        count = 1
        if op.HasField("exec"):
            assert len(set(edges)) == len(edges)
            numbers = [mount.output for mount in op.exec.mounts if mount.output != -1]
            count = len(numbers)
            assert numbers == list(range(count))
            assert all(-1 <= mount.input < len(edges) for mount in op.exec.mounts)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert digest not in outputs
        outputs[digest] = count
    assert set(message.metadata) == set(outputs)
    assert all(metadata.caps for metadata in message.metadata.values())


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_splicing_and_marshalling_again_changes_nothing(state: llb.State) -> None:
    message = llb.marshal(state).to_pb()
    again = llb.marshal(llb.from_definition(message)).to_pb()
    assert again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    assert llb.dump(again) == llb.dump(message)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_order_in_which_mounts_are_given_is_no_part_of_the_digest(data: st.DataObject) -> None:
    base = llb.image("debian")
    given_order = data.draw(mounts(base))
    other_order = data.draw(st.permutations(given_order))
    first, second = llb.execute(base, ["x"], mounts=given_order).root, llb.execute(base, ["x"], mounts=other_order).root
    assert llb.marshal(first).digest_of(first) == llb.marshal(second).digest_of(second)
