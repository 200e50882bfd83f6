"""Marshalling: order, sharing, metadata, places, depth, splicing of foreign graphs."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time

import pytest

import llb
from llb import LlbError, SourceRange
from proto import ops_pb2
from tests.support.places import ROOT

FILE = llb.SourceFile("claylinux.yaml", b"a\nb\nc\nd\n")


def base() -> llb.State:
    return llb.image("debian:trixie", platform=llb.Platform("linux", "amd64"))


def ops(definition: llb.Definition) -> list[ops_pb2.Op]:
    return [ops_pb2.Op.FromString(data) for data in getattr(definition.to_pb(), "def")]


def graph(*data: bytes) -> ops_pb2.Definition:
    message = ops_pb2.Definition()
    getattr(message, "def").extend(data)
    return message


def kinds(definition: llb.Definition) -> list[str]:
    return [op.WhichOneof("op") or "terminal" for op in ops(definition)]


def test_inputs_come_before_users_and_the_terminal_last() -> None:
    left, right = llb.execute(base(), ["left"]).root, llb.execute(base(), ["right"]).root
    definition = llb.marshal(llb.merge([left, right]))
    assert kinds(definition) == ["source", "exec", "exec", "merge", "terminal"]
    seen: set[str] = set()
    for data in getattr(definition.to_pb(), "def"):
        assert {edge.digest for edge in ops_pb2.Op.FromString(data).inputs} <= seen
        seen.add(f"sha256:{hashlib.sha256(data).hexdigest()}")


def test_every_vertex_has_metadata() -> None:
    message = llb.marshal(llb.edit(base(), llb.Rm("/x"))).to_pb()
    digests = {f"sha256:{hashlib.sha256(data).hexdigest()}" for data in getattr(message, "def")}
    assert set(message.metadata) == digests


def test_what_is_to_be_removed_has_to_be_there_unless_it_is_said() -> None:
    removal, lenient = (
        llb.dump(llb.marshal(llb.edit(llb.scratch(), llb.Rm("/a", allow_not_found=allowed))))
        for allowed in (False, True)
    )
    assert llb.dump(llb.marshal(llb.edit(llb.scratch(), llb.Rm("/a")))) == removal
    assert "allowNotFound: true" in lenient and "allowNotFound" not in removal


def test_a_vertex_needs_no_name() -> None:
    definition = llb.marshal(llb.edit(llb.scratch(), llb.Mkdir("/a")))
    assert [info.name for info in definition.vertices.values()] == [""]


def test_equal_vertices_are_one_and_keep_what_each_says() -> None:
    first = llb.execute(base(), ["x"], name="first", location=SourceRange(1, 0, 1, 1)).root
    second = llb.execute(base(), ["x"], name="second", location=SourceRange(2, 0, 2, 1), ignore_cache=True).root
    definition = llb.marshal(llb.merge([first, second]), FILE)
    assert kinds(definition) == ["source", "exec", "merge", "terminal"]
    assert definition.digest_of(first) == definition.digest_of(second)
    info = definition.vertices[definition.digest_of(first)]
    assert info == llb.VertexInfo("first", (SourceRange(1, 0, 1, 1), SourceRange(2, 0, 2, 1)), "exec")
    assert definition.to_pb().metadata[definition.digest_of(first)].ignore_cache


def test_parents_are_untouched() -> None:
    tree = llb.edit(base(), llb.Mkdir("/a"))
    before = llb.marshal(tree).to_pb()
    llb.edit(
        llb.execute(tree, ["x"], env=(("A", "1"),), mounts=(llb.Bind(target="/t", source=tree),)).root, llb.Rm("/a")
    )
    llb.merge([tree, base()])
    assert llb.marshal(tree).to_pb() == before


def test_names_places_and_cache_are_no_part_of_the_digest() -> None:
    plain = llb.execute(base(), ["x"]).root
    told = llb.execute(
        base(),
        ["x"],
        name="x",
        location=SourceRange(1, 0, 1, 1),
        ignore_cache=True,
        progress_group=llb.ProgressGroup("g", "group"),
    ).root
    assert llb.marshal(plain).digest_of(plain) == llb.marshal(told, FILE).digest_of(told)


def test_caps_are_those_of_all_vertices() -> None:
    step = llb.execute(base(), ["x"], mounts=(llb.Ssh(),), name="n", ignore_cache=True)
    assert llb.marshal(step.root).caps == {
        "constraints",
        "exec.meta.base",
        "exec.meta.setsdefaultpath",
        "exec.mount.bind",
        "exec.mount.ssh",
        "meta.description",
        "meta.ignorecache",
        "platform",
        "source.image",
    }


def test_each_range_is_a_place_of_its_own_in_one_file() -> None:
    ranges = (SourceRange(1, 0, 1, 1), SourceRange(3, 2, 4, 0))
    state = llb.execute(base(), ["x"], location=ranges).root
    definition = llb.marshal(llb.edit(state, llb.Rm("/x"), location=SourceRange(2, 0, 2, 1)), FILE)
    source = definition.to_pb().Source
    assert [info.filename for info in source.infos] == ["claylinux.yaml"]
    assert (source.infos[0].data, source.infos[0].language) == (FILE.data, "YAML")
    places = source.locations[definition.digest_of(state)].locations
    assert [place.ranges[0].start.line for place in places] == [1, 3]
    assert all(rng.HasField("start") and rng.HasField("end") for place in places for rng in place.ranges)


def test_without_a_file_there_are_no_places() -> None:
    definition = llb.marshal(llb.execute(base(), ["x"], location=SourceRange(1, 0, 1, 1)).root)
    assert not definition.to_pb().HasField("Source")


def test_the_empty_tree_is_no_graph() -> None:
    definition = llb.marshal(llb.scratch())
    assert definition.is_scratch
    assert definition.to_pb() == ops_pb2.Definition()
    assert llb.from_definition(definition.to_pb()).is_scratch


def test_digest_of_a_stranger_is_refused() -> None:
    with pytest.raises(LlbError, match="is not part of this graph"):
        llb.marshal(base()).digest_of(llb.local("x"))


@pytest.mark.slow
def test_a_chain_of_5000_steps_marshals() -> None:
    state = base()
    for _ in range(5000):
        state = llb.edit(state, llb.Mkdir("/a"))
    definition = llb.marshal(state)
    assert len(definition.vertices) == 5001
    assert llb.marshal(llb.from_definition(definition.to_pb())).to_pb() == definition.to_pb()
    assert len(repr(state)) < 100


def test_sharing_costs_nothing() -> None:
    state = base()
    for _ in range(200):  # 2**200 paths
        state = llb.merge([state, state, llb.edit(state, llb.Rm("/x"))])
    started = time.process_time()
    assert len(llb.marshal(state).vertices) == 401
    assert len({state, llb.merge([state, base()])}) == 2
    assert time.process_time() - started < 2


def test_merge_and_diff_are_canonical() -> None:
    tree, empty = base(), llb.scratch()
    assert llb.merge([]) == llb.merge([empty, empty]) == empty
    assert llb.merge([empty, tree, empty]) == tree
    assert llb.diff(empty, tree) == tree
    assert llb.diff(tree, tree) == empty


def test_outputs_are_numbered_in_the_order_of_the_mounts() -> None:
    def out(target: str) -> llb.Bind:
        return llb.Bind(target=target, source=llb.scratch(), readonly=False)

    ignored = llb.Bind(target="/b", source=llb.scratch(), readonly=False, keep=False)
    mounts = (out("/c"), ignored, out("/a"), llb.Tmpfs(target="/0"))
    writable = llb.execute(base(), ["x"], mounts=mounts)
    assert (writable.root.index, writable.mount("/a").index, writable.mount("/c/").index) == (0, 1, 2)
    readonly = llb.execute(base(), ["x"], mounts=mounts, readonly_root=True)
    assert (readonly.mount("/a").index, readonly.mount("/c").index) == (0, 1)
    for result in (writable, readonly):
        (exec_op,) = [op.exec for op in ops(llb.marshal(result.mount("/a"))) if op.HasField("exec")]
        outputs = [mount.output for mount in exec_op.mounts if mount.output != -1]
        assert outputs == list(range(len(outputs)))


def test_foreign_graphs_keep_bytes_metadata_and_places() -> None:
    other = llb.SourceFile("Dockerfile", b"FROM x\n", "Dockerfile")
    theirs = llb.execute(base(), ["x"], name="theirs", location=SourceRange(1, 0, 1, 4), ignore_cache=True)
    message = llb.marshal(theirs.root, other).to_pb()
    spliced = llb.from_definition(message)
    assert spliced.platform == llb.Platform("linux", "amd64")
    assert llb.marshal(spliced, FILE).to_pb() == message

    ours = llb.execute(spliced, ["y"], location=SourceRange(2, 0, 2, 1)).root
    both = llb.marshal(ours, FILE)
    assert [info.filename for info in both.to_pb().Source.infos] == ["Dockerfile", "claylinux.yaml"]
    assert "meta.ignorecache" in both.caps
    assert both.vertices[both.digest_of(spliced)] == llb.VertexInfo("theirs", (), "foreign")


def test_foreign_vertices_are_one_with_equal_ones_of_ours() -> None:
    spliced = llb.from_definition(llb.marshal(llb.execute(base(), ["x"]).root).to_pb())
    both = llb.marshal(llb.merge([llb.execute(base(), ["x"]).root, spliced]))
    assert kinds(both) == ["source", "exec", "merge", "terminal"]


def test_the_output_of_a_foreign_terminal_is_taken() -> None:
    step = llb.execute(base(), ["x"], mounts=(llb.Bind(target="/o", source=llb.scratch(), readonly=False),))
    assert llb.from_definition(llb.marshal(step.mount("/o")).to_pb()).index == 1


def test_foreign_graphs_that_are_not_whole_are_refused() -> None:
    message = llb.marshal(llb.execute(base(), ["x"]).root).to_pb()
    source, step, terminal = getattr(message, "def")
    with pytest.raises(LlbError, match="must end with a terminal vertex"):
        llb.from_definition(graph(source, step))
    with pytest.raises(LlbError, match=r"uses vertex sha256:[0-9a-f]{64} before defining it"):
        llb.from_definition(graph(step, source, terminal))
    with pytest.raises(LlbError, match="the nested graph is invalid"):
        llb.from_definition(graph(b"\xff", terminal))


def test_importing_does_not_load_protobuf() -> None:
    # The frontend must answer the engine soon after its start; protobuf takes a good part of that time.
    code = "import sys, llb; llb.execute(llb.image('x'), ['y']); print('google.protobuf' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"


def test_dump_shows_zeros_that_were_set() -> None:
    text = llb.dump(llb.marshal(llb.edit(llb.scratch(), llb.Mkdir("/a", mode=0, owner=llb.Owner(0), timestamp_ns=0))))
    assert "mkdir.mode: 0o0\n" in text
    assert "mkdir.owner.user.byID: 0\n" in text
    assert "mkdir.timestamp: 0\n" in text


def test_what_is_not_said_of_an_image_is_no_attribute() -> None:
    digest = f"@sha256:{'0' * 64}"
    layout = llb.dump(llb.marshal(llb.oci_layout(f"x{digest}", store_id="s")))
    assert [line.strip() for line in layout.splitlines() if "attrs[" in line] == ['attrs[oci.store]: "s"']
    assert "attrs[" not in llb.dump(llb.marshal(llb.image(f"x{digest}")))
