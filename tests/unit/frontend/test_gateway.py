"""The gateway over a real HTTP/2 connection: a gRPC server in this process plays BuildKit."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest

from frontend.errors import EngineError
from frontend.gateway import status as wire
from frontend.gateway.bridge import Bridge
from frontend.gateway.client import Ref
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

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        name = details.method.removeprefix(SERVICE)
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer(name, request, context))

    def answer(self, name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        match name:
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
            case _:
                return self.fail(context)

    def fail(self, context: grpc.ServicerContext) -> NoReturn:
        status = status_pb2.Status(code=2, message="it broke")
        wire.add_detail(status, wire.VERTEX, {"digest": "sha256:1", "padding": "p" * 100_000})
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, "it broke")
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


def test_an_error_carries_one_snippet_per_place(bridge: Bridge, engine: FakeEngine) -> None:
    source = SourceFile(filename="c.yaml", data=b"a: 1\nb: 2\n", language="YAML")
    places = tuple(SourceRange(start_line=n, start_char=1, end_line=n, end_char=5) for n in (1, 2))
    bridge.return_error(wire.make("two things", source, places))
    (request,) = engine.returned
    assert [detail.type_url for detail in request.error.details] == [wire.SOURCE] * 2
    first: dict[str, Any] = json.loads(request.error.details[-1].value)  # printed first
    assert first["ranges"] == [{"start": {"line": 1, "character": 1}, "end": {"line": 1, "character": 5}}]
    assert first["info"]["filename"] == "c.yaml"
