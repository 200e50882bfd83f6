"""The gateway over a real HTTP/2 connection: a gRPC server in this process plays BuildKit."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf.message import Message

import llb
from frontend.errors import AnswerError, EngineError
from frontend.gateway import status as wire
from frontend.gateway.bridge import Bridge
from frontend.gateway.client import Attestation, CacheImport, Ref, ResolvedImage, Solved, Stat
from frontend.gateway.transport import open_channel
from llb import SourceFile, SourceRange
from proto import gateway_pb2 as pb
from proto import status_pb2

SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"
BIG = b"x" * (8 << 20)


class FakeEngine(grpc.GenericRpcHandler):
    """Answers a few calls; everything else fails with a detail too large for grpcio's defaults."""

    def __init__(self) -> None:
        self.returned: list[pb.ReturnRequest] = []
        self.answers: dict[str, Message] = {}
        self.asked: list[bytes] = []
        self.failure = (grpc.StatusCode.UNKNOWN, "it broke")
        self.odd: bytes | None = None

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        name = details.method.removeprefix(SERVICE)
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer(name, request, context))

    def answer(self, name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.asked.append(request)
        match name:
            case _ if name in self.answers:
                return self.answers[name].SerializeToString()
            case "Ping":
                return pb.PongResponse(
                    LLBCaps=[
                        {"ID": "mergeop", "Enabled": False, "DisabledReasonMsg": "not with this store"},
                        {"ID": "file.base", "Enabled": True},
                    ]
                ).SerializeToString()
            case "ReadFile":
                return pb.ReadFileResponse(Data=BIG).SerializeToString()
            case "Return":
                self.returned.append(pb.ReturnRequest.FromString(request))
                return b""
            case "Solve":
                return b"\xff"
            case "StatFile" if self.odd is not None:
                return self.fail_oddly(context, self.odd)
            case _:
                return self.fail(context)

    def fail_oddly(self, context: grpc.ServicerContext, detail: bytes) -> NoReturn:
        """Fail with a detail that may say that nothing failed."""
        context.set_trailing_metadata((("grpc-status-details-bin", detail),))
        context.abort(grpc.StatusCode.UNKNOWN, "the call says it")
        raise AssertionError

    def fail(self, context: grpc.ServicerContext) -> NoReturn:
        code, message = self.failure
        status = status_pb2.Status(code=code.value[0], message=message)
        wire.add_detail(status, wire.VERTEX, {"digest": "sha256:1", "padding": "p" * 100_000})
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, message)
        raise AssertionError


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def bridge(engine: FakeEngine, tmp_path: Path) -> Iterator[Bridge]:
    server = grpc.server(
        ThreadPoolExecutor(max_workers=2),
        options=[("grpc.max_metadata_size", 4 << 20), ("grpc.max_send_message_length", -1)],
    )
    server.add_generic_rpc_handlers((engine,))
    server.add_insecure_port(f"unix:{tmp_path}/engine")
    server.start()
    pipe = socket.socket(socket.AF_UNIX)
    pipe.connect(f"{tmp_path}/engine")
    channel = open_channel(pipe.fileno(), pipe.detach())
    yield Bridge(channel)
    channel.close()
    server.stop(0).wait()


def test_an_answer_that_cannot_be_decoded_is_told(bridge: Bridge, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AnswerError, match="that of Solve cannot be decoded"):
        bridge.solve(llb.marshal(llb.scratch()))
    assert not caplog.records


@pytest.mark.parametrize(
    ("odd", "code", "message"),
    [
        (b"\xff", 2, "the call says it"),
        (b"", 2, "the engine (dockerd or BuildKit) does not say why"),
        (status_pb2.Status(code=0, message="no error").SerializeToString(), 2, "no error"),
        (status_pb2.Status(code=-5, message="x").SerializeToString(), 2, "x"),
        (
            status_pb2.Status(code=999, message=" \n").SerializeToString(),
            2,
            "the engine (dockerd or BuildKit) does not say why",
        ),
        (status_pb2.Status(code=7, message="denied").SerializeToString(), 7, "denied"),
    ],
)
def test_a_failure_is_a_failure_whatever_its_details_say(
    bridge: Bridge, engine: FakeEngine, odd: bytes, code: int, message: str
) -> None:
    engine.odd = odd
    with pytest.raises(EngineError) as caught:
        bridge.stat_file(Ref("1"), "f")
    assert (caught.value.status.code, caught.value.status.message) == (code, message)


def test_the_end_of_the_pipe_ends_calls() -> None:
    ours, theirs = socket.socketpair()
    channel = open_channel(ours.fileno(), os.dup(ours.fileno()))
    waiting = ThreadPoolExecutor(max_workers=1).submit(Bridge(channel).inputs)
    assert theirs.recv(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    theirs.close()
    with pytest.raises(EngineError):
        waiting.result(timeout=30)
    channel.close()
    ours.detach()


def test_capabilities_that_are_listed_but_off_are_not_usable(bridge: Bridge) -> None:
    pong = bridge.ping()
    assert pong.llb_caps == {"file.base"}
    assert pong.disabled == {"mergeop": "not with this store"}


def test_large_files_cross_the_bridge(bridge: Bridge) -> None:
    assert bridge.read_file(Ref("1"), "f") == BIG


def test_large_error_details_survive(bridge: Bridge) -> None:
    with pytest.raises(EngineError) as caught:
        bridge.inputs()
    assert caught.value.status.message == "it broke"
    (detail,) = wire.details(caught.value.status, wire.VERTEX)
    assert detail["digest"] == "sha256:1"


def test_an_error_without_details_has_the_words_of_the_connection() -> None:
    class Lost(grpc.RpcError):
        def trailing_metadata(self) -> Any:
            return None

        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.UNAVAILABLE

        def details(self) -> str:
            return ""

    status = wire.from_rpc(Lost())
    assert (status.code, status.message) == (14, "UNAVAILABLE")


PLATFORM = llb.Platform("linux", "arm64", "v8")
TREE = llb.marshal(llb.edit(llb.scratch(), llb.Mkdir("/a")))
CACHE = (CacheImport("registry", {"ref": "host/cache"}),)


def test_a_solve_gives_references(bridge: Bridge, engine: FakeEngine) -> None:
    made = pb.Ref(id="r1")
    getattr(made, "def").CopyFrom(TREE.to_pb())
    engine.answers["Solve"] = pb.SolveResponse(result=pb.Result(ref=made, metadata={"k": b"v"}))
    solved = bridge.solve(TREE, evaluate=True, cache_imports=CACHE)
    assert solved == Solved(ref=Ref("r1", TREE.to_pb()), metadata={"k": b"v"})
    request = pb.SolveRequest.FromString(engine.asked[-1])
    assert request.Definition == TREE.to_pb()
    assert (request.allowResultReturn, request.allowResultArrayRef, request.Evaluate) == (True, True, True)
    assert [(each.Type, dict(each.Attrs)) for each in request.CacheImports] == [("registry", {"ref": "host/cache"})]
    engine.answers["Solve"] = pb.SolveResponse(result=pb.Result(metadata={}))
    assert bridge.solve(TREE) == Solved(ref=None)


def test_another_frontend_is_asked_with_its_options(bridge: Bridge, engine: FakeEngine) -> None:
    refs = pb.RefMap(refs={"linux/amd64": pb.Ref(id="a"), "linux/arm64": pb.Ref(id="b")})
    engine.answers["Solve"] = pb.SolveResponse(result=pb.Result(refs=refs))
    solved = bridge.solve_frontend("dockerfile.v0", {"filename": "D"}, {"context": TREE.to_pb()}, cache_imports=CACHE)
    assert solved == Solved(ref=None, refs={"linux/amd64": Ref("a"), "linux/arm64": Ref("b")})
    request = pb.SolveRequest.FromString(engine.asked[-1])
    assert (request.Frontend, dict(request.FrontendOpt)) == ("dockerfile.v0", {"filename": "D"})
    assert dict(request.FrontendInputs) == {"context": TREE.to_pb()}
    assert (request.allowResultReturn, request.allowResultArrayRef) == (True, True)
    assert [each.Type for each in request.CacheImports] == ["registry"]
    bridge.return_result(solved)
    assert {name: ref.id for name, ref in engine.returned[0].result.refs.refs.items()} == {
        "linux/amd64": "a",
        "linux/arm64": "b",
    }
    bridge.return_result(Solved(ref=Ref("c"), metadata={"k": b"v"}))
    assert engine.returned[1].result == pb.Result(ref=pb.Ref(id="c"), metadata={"k": b"v"})


def test_what_is_in_a_result(bridge: Bridge, engine: FakeEngine) -> None:
    engine.answers["Inputs"] = pb.InputsResponse(Definitions={"base": TREE.to_pb()})
    assert bridge.inputs() == {"base": TREE.to_pb()}
    engine.answers["ReadDir"] = pb.ReadDirResponse(entries=[{"path": "b"}, {"path": "a"}])
    assert bridge.list_directory(Ref("1"), "d") == {"a": "", "b": ""}
    assert pb.ReadDirRequest.FromString(engine.asked[-1]) == pb.ReadDirRequest(Ref="1", DirPath="d")
    engine.answers["StatFile"] = pb.StatFileResponse(stat={"path": "f", "mode": 0o644, "size": 7})
    assert bridge.stat_file(Ref("1"), "d/f") == Stat(path="f", mode=0o644, size=7)
    assert pb.StatFileRequest.FromString(engine.asked[-1]) == pb.StatFileRequest(Ref="1", Path="d/f")


@pytest.mark.parametrize(
    ("code", "message", "missing"),
    [
        (grpc.StatusCode.UNKNOWN, "lstat /d/f: no such file or directory", True),
        (grpc.StatusCode.NOT_FOUND, "gone", True),
        (grpc.StatusCode.UNKNOWN, "permission denied", False),
    ],
)
def test_a_missing_file_is_no_error(
    bridge: Bridge, engine: FakeEngine, code: grpc.StatusCode, message: str, missing: bool
) -> None:
    engine.failure = (code, message)
    if missing:
        assert bridge.stat_file(Ref("1"), "d/f") is None
    else:
        with pytest.raises(EngineError, match=message):
            bridge.stat_file(Ref("1"), "d/f")


def test_an_image_is_resolved_for_a_platform(bridge: Bridge, engine: FakeEngine) -> None:
    engine.answers["ResolveImageConfig"] = pb.ResolveImageConfigResponse(Digest="sha256:1", Config=b"{}")
    found = bridge.resolve_image("host/x", PLATFORM, mode="pull", log_name="look")
    assert found == ResolvedImage("host/x", "sha256:1", b"{}")
    request = pb.ResolveImageConfigRequest.FromString(engine.asked[-1])
    assert (request.Ref, request.ResolveMode, request.LogName) == ("host/x", "pull", "look")
    assert request.Platform == PLATFORM.to_pb()
    engine.answers["ResolveImageConfig"] = pb.ResolveImageConfigResponse(Ref="mirror/x", Digest="sha256:1", Config=b"")
    assert bridge.resolve_image("host/x", PLATFORM, mode="", log_name="").ref == "mirror/x"


def test_a_warning_has_its_place(bridge: Bridge, engine: FakeEngine) -> None:
    engine.answers["Warn"] = pb.WarnResponse()
    source = SourceFile(filename="c.yaml", data=b"a: 1\n", language="YAML")
    place = SourceRange(start_line=1, start_char=0, end_line=1, end_char=4)
    bridge.warn("sha256:1", "short", ("more",), url="https://host/rule", source=source, place=place)
    request = pb.WarnRequest.FromString(engine.asked[-1])
    assert (request.digest, request.level, request.short, list(request.detail), request.url) == (
        "sha256:1", 1, b"short", [b"more"], "https://host/rule",
    )  # fmt: skip
    assert request.info == source.to_pb()
    assert list(request.ranges) == [place.to_pb()]
    bridge.warn("sha256:1", "short", source=source)
    assert not pb.WarnRequest.FromString(engine.asked[-1]).HasField("info")


def test_an_error_carries_one_snippet_per_place(bridge: Bridge, engine: FakeEngine) -> None:
    source = SourceFile(filename="c.yaml", data=b"a: 1\nb: 2\n", language="YAML")
    places = tuple(SourceRange(start_line=n, start_char=1, end_line=n, end_char=5) for n in (1, 2))
    bridge.return_error(wire.make("two things", source, places))
    (request,) = engine.returned
    assert [detail.type_url for detail in request.error.details] == [wire.SOURCE] * 2
    first: dict[str, Any] = json.loads(request.error.details[-1].value)  # printed first
    assert first["ranges"] == [{"start": {"line": 1, "character": 1}, "end": {"line": 1, "character": 5}}]
    assert first["info"]["filename"] == "c.yaml"


def test_what_is_stated_about_a_result_reaches_the_engine(bridge: Bridge, engine: FakeEngine) -> None:
    stated = {"linux/amd64": Attestation(Ref("list"), "/list.json", kind="https://kind.example", reason="sbom")}
    bridge.return_result(Solved(ref=Ref("out"), attestations=stated))
    result = engine.returned[0].result
    assert result.ref.id == "out"
    (found,) = result.attestations["linux/amd64"].attestation
    assert (found.kind, found.ref.id, found.path) == (pb.InToto, "list", "/list.json")
    assert (found.inTotoPredicateType, dict(found.metadata)) == ("https://kind.example", {"reason": b"sbom"})


def test_only_the_first_call_has_a_time() -> None:
    """The engine sets up the pipe at the same time. Later, a call takes as long as it takes."""

    @dataclass
    class Recording:
        asked: list[tuple[str, float | None, bool]] = field(default_factory=list)

        def unary_unary(self, path: str, request_serializer: object) -> Any:
            def call(request: object, timeout: float | None, wait_for_ready: bool) -> bytes:
                self.asked.append((path, timeout, wait_for_ready))
                return b""

            return call

    channel = Recording()
    bridge = Bridge(channel)  # type: ignore[arg-type]
    bridge.ping()
    bridge.inputs()
    assert channel.asked == [(f"{SERVICE}Ping", 15, True), (f"{SERVICE}Inputs", None, False)]


def test_an_error_may_say_much(bridge: Bridge, engine: FakeEngine) -> None:
    """The engine puts the whole of a build into it: 4 MiB in base64."""
    engine.odd = status_pb2.Status(code=7, message="x" * (2900 << 10)).SerializeToString()
    with pytest.raises(EngineError) as caught:
        bridge.stat_file(Ref("1"), "f")
    assert len(caught.value.status.message) == 2900 << 10
