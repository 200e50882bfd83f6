"""Bytes: digests of BuildKit's own Go client, and single fields at the level of the wire.

The digests were published with their operations in buildkit's README (`buildctl debug dump-llb`) and in
Docker's article "Compiling Containers". That client wrote fields by their number; engines since 0.17 write the
operation itself last, and so do we. The digest of today's order was read from an Engine 28.5.2, in an error.
"""

from __future__ import annotations

import hashlib

import pytest

import llb
from llb.exec import ExecOp
from llb.op import Op
from proto import ops_pb2

AMD64 = llb.Platform("linux", "amd64")
ALPINE = "sha256:665ba8b2cdc0cb0200e2a42a6b3c0f8f684089f4cd1b81494fbb9805879120f7"
CONTEXT = "sha256:c3ca71edeaa161bafed7f3dbdeeab9a5ab34587f569fd71c0a89b4d1e40d77f6"
GOLANG = "sha256:fc8f7a5a931404bb996ee93e11e03292efdfdf9a150192d59616c38f4796d934"
APK_ADD = "sha256:a46222437dd4c7aef26b33042c506f39c90472d7289c549f52c3f3b2f8aae351"
BUILDCTL = "sha256:06e161ac55cee0a4f3f38af176bb754c1c139d39c166399f7a514a262bb197c8"
CP_BUILDCTL = "sha256:3f6611a49d8ac083bc452ecf6eda130cb5c7616c18ddfa66a725c899a94b56cc"
COPY = "sha256:ba425dda86f06cf10ee66d85beda9d500adcce2336b047e072c1f0d403334cf6"
ECHO = "sha256:d2d18486652288fdb3516460bd6d1c2a90103d93d507a9b63ddd4a846a0fca2b"
ECHO_TERMINAL = "sha256:fda9d405d3c557e2bd79413628a435da0000e75b9305e52789dd71001a91c704"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def alpine() -> llb.State:
    return llb.image("alpine", platform=AMD64)


def op_of(state: llb.State) -> Op:
    assert state.op is not None
    return state.op


def message_of(state: llb.State) -> ops_pb2.Op:
    """Return the vertex that makes `state`."""
    *_, last, _terminal = getattr(llb.marshal(state).to_pb(), "def")
    return ops_pb2.Op.FromString(last)


def exec_digest_before_0_11(op: ExecOp, digests: dict[Op, str]) -> str:
    """Return the digest of an exec as clients made it that did not know removeMountStubsRecursive."""
    message = ops_pb2.Op.FromString(op.serialize(digests))
    message.exec.meta.ClearField("removeMountStubsRecursive")
    return digest(message.SerializeToString(deterministic=True))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (alpine(), ALPINE),
        (llb.image("golang:1.12-alpine", platform=AMD64), GOLANG),
        (llb.local("context", unique="s43w96rwjsm9tf1zlxvn6nezg"), CONTEXT),
    ],
)
def test_sources_have_the_digests_of_gos_client(state: llb.State, expected: str) -> None:
    assert digest(message_of(state).SerializeToString(deterministic=True)) == expected


def test_a_source_has_the_digest_of_todays_engines() -> None:
    debian = llb.image("debian:trixie", platform=AMD64, resolve_mode="local")
    assert llb.marshal(debian).digest_of(debian) == (
        "sha256:1a6240ce2fdc785aa0bfe3875ee5d53292a53b9b0acbaa2a3ff4eb7ea013e04e"
    )


def test_exec_has_the_digest_of_gos_client() -> None:
    golang = llb.image("golang:1.12-alpine", platform=AMD64)
    path = "/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    step = llb.execute(
        golang, ["apk", "add", "--no-cache", "g++", "linux-headers"], env=(("PATH", path), ("GOPATH", "/go"))
    )
    assert exec_digest_before_0_11(step.op, {op_of(golang): GOLANG}) == APK_ADD


def test_exec_with_mounts_has_the_digest_of_gos_client() -> None:
    root, built = alpine(), llb.image("stand-in", platform=AMD64)
    step = llb.execute(
        root,
        ["cp", "-a", "/src/bin/buildctl", "/dest/bin/"],
        mounts=(
            llb.Bind(target="/src", source=built, readonly=False),
            llb.Bind(target="/dest", source=root, readonly=False),
        ),
    )
    assert exec_digest_before_0_11(step.op, {op_of(root): ALPINE, op_of(built): BUILDCTL}) == CP_BUILDCTL


def test_copy_has_the_digest_of_gos_client() -> None:
    context = llb.local("context", unique="s43w96rwjsm9tf1zlxvn6nezg")
    copied = llb.edit(alpine(), llb.Copy(context, "/README.md", "/README.md", create_dest_path=False))
    message = message_of(copied)
    message.inputs[0].digest = ALPINE
    message.inputs[1].digest = CONTEXT
    message.platform.CopyFrom(AMD64.to_pb())  # that client still wrote a platform for file operations
    assert digest(message.SerializeToString(deterministic=True)) == COPY


def test_terminal_vertex_has_the_digest_of_gos_client() -> None:
    definition = llb.marshal(alpine())
    last = getattr(definition.to_pb(), "def")[-1]
    (ours,) = definition.vertices
    assert digest(last.replace(ours.encode(), ECHO.encode())) == ECHO_TERMINAL


def test_constraints_are_written_though_empty() -> None:
    for state in (alpine(), llb.local("x"), llb.edit(alpine(), llb.Rm("/x")), llb.merge([alpine(), llb.local("x")])):
        *body, terminal = getattr(llb.marshal(state).to_pb(), "def")
        assert all(ops_pb2.Op.FromString(data).HasField("constraints") for data in body)
        assert not ops_pb2.Op.FromString(terminal).HasField("constraints")


def test_only_images_and_execs_carry_a_platform() -> None:
    base = alpine()
    states = {
        "image": base,
        "exec": llb.execute(base, ["x"]).root,
        "file": llb.edit(base, llb.Rm("/x")),
        "merge": llb.merge([base, llb.execute(base, ["x"]).root]),
        "diff": llb.diff(base, llb.execute(base, ["x"]).root),
        "local": llb.local("x"),
    }
    carrying = {name for name, state in states.items() if message_of(state).HasField("platform")}
    assert carrying == {"image", "exec"}


def test_platform_goes_along_to_execs() -> None:
    arm = llb.Platform("linux", "arm64")
    tree = llb.edit(llb.image("alpine", platform=arm), llb.Rm("/x"))
    merged = llb.merge([tree, llb.local("x")])
    assert llb.execute(merged, ["x"]).root.platform == arm
    assert llb.execute(merged, ["x"], platform=AMD64).root.platform == AMD64


def test_empty_options_of_mounts_are_present() -> None:
    mounts = (llb.Tmpfs(target="/t"), llb.Cache(target="/c", id="c"))
    cache, tmpfs = message_of(llb.execute(alpine(), ["x"], mounts=mounts).root).exec.mounts[1:]
    assert tmpfs.HasField("TmpfsOpt")
    assert cache.HasField("cacheOpt")


def test_the_operation_stands_last() -> None:
    step = llb.execute(alpine(), ["x"], mounts=(llb.Bind(target="/o", source=llb.scratch(), readonly=False),))
    for data in getattr(llb.marshal(step.mount("/o")).to_pb(), "def")[:-1]:
        frame, body = ops_pb2.Op.FromString(data), ops_pb2.Op.FromString(data)
        for field in ("inputs", "platform", "constraints"):
            body.ClearField(field)
        frame.ClearField(body.WhichOneof("op") or "")
        assert frame.SerializeToString(deterministic=True) + body.SerializeToString(deterministic=True) == data
