"""BuildKit's side of a frontend, over real HTTP/2, where some answers make no sense.

Nonsense is a change of one honest answer: other bytes, other fields, other texts, other JSON, an error, silence, or the
end of the connection. Which one, a random generator says.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import grpc
from google.protobuf.message import Message

from proto import gateway_pb2 as pb
from proto import status_pb2
from tests.support.fake_client import FakeClient
from tests.support.nonsense import CHANGES, DOCUMENTS, TEXTS

SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"


@dataclass
class Script:
    """What goes wrong in one request: from call number `first` on, `many` answers are nonsense of the kind `how`."""

    random: Random
    how: str
    first: int
    many: int
    honest: FakeClient
    hang_up: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list)
    spoilt: list[str] = field(default_factory=list)
    returned: list[pb.ReturnRequest] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    """Set at the end of the request, for calls that never got an answer."""


class NonsenseEngine(grpc.GenericRpcHandler):
    """A gRPC server on a Unix socket. `script` says what the request at hand meets."""

    def __init__(self, top: Path) -> None:
        self.script: Script | None = None
        self._path = top / "engine"
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=16),
            options=[("grpc.max_metadata_size", 4 << 20), ("grpc.max_send_message_length", -1)],
        )
        self._server.add_generic_rpc_handlers((self,))
        self._server.add_insecure_port(f"unix:{self._path}")
        self._server.start()

    def connect(self) -> socket.socket:
        """Return the end of a new connection that a frontend has."""
        pipe = socket.socket(socket.AF_UNIX)
        pipe.connect(str(self._path))
        return pipe

    def stop(self) -> None:
        self._server.stop(0).wait(5)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        name = details.method.removeprefix(SERVICE)
        script = self.script
        assert script is not None
        return grpc.unary_unary_rpc_method_handler(lambda request, context: _answer(script, name, request, context))


def _answer(script: Script, name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
    number = len(script.calls)
    script.calls.append(name)
    if name == "Return":
        script.returned.append(pb.ReturnRequest.FromString(request))
    wrong = script.first <= number < script.first + script.many
    if wrong:
        script.spoilt.append(f"{number} {name}")
    if wrong and script.how in _ACTIONS:
        _ACTIONS[script.how](script, context)
    try:
        message = _HONEST[name](script.honest, request)
    except (KeyError, ValueError, IndexError) as error:
        context.abort(grpc.StatusCode.NOT_FOUND, f"no such ref or file: {error}")
    return CHANGES[script.how](script.random, message) if wrong else message.SerializeToString()


def _ping(_: FakeClient, __: bytes) -> Message:
    caps = [{"ID": each, "Enabled": True} for each in sorted(FakeClient.llb_caps)]
    return pb.PongResponse(FrontendAPICaps=[{"ID": "frontend.inputs", "Enabled": True}], LLBCaps=caps)


def _solve(engine: FakeClient, request: bytes) -> Message:
    asked = pb.SolveRequest.FromString(request)
    result = pb.SolveResponse()
    if asked.Frontend:
        solved = engine.solve_frontend(asked.Frontend, asked.FrontendOpt, {})
        assert solved.ref is not None
        result.result.ref.id = solved.ref.id
        if solved.ref.definition:
            getattr(result.result.ref, "def").CopyFrom(solved.ref.definition)
        for key, value in solved.metadata.items():
            result.result.metadata[key] = value
    else:
        result.result.ref.id = "1"
    return result


def _read(engine: FakeClient, request: bytes) -> Message:
    asked = pb.ReadFileRequest.FromString(request)
    return pb.ReadFileResponse(Data=engine.read_file(_ref(asked.Ref), asked.FilePath))


def _stat(engine: FakeClient, request: bytes) -> Message:
    asked = pb.StatFileRequest.FromString(request)
    found = engine.stat_file(_ref(asked.Ref), asked.Path)
    if found is None:
        raise ValueError(asked.Path)
    return pb.StatFileResponse(stat={"path": found.path, "mode": found.mode, "size": found.size})


def _list(_: FakeClient, request: bytes) -> Message:
    _ref(pb.ReadDirRequest.FromString(request).Ref)
    return pb.ReadDirResponse(entries=[{"path": "files"}, {"path": "motd"}])


def _ref(identifier: str) -> Any:
    from frontend.gateway.client import Ref

    if identifier not in ("1", "other"):
        raise ValueError(identifier)
    return Ref(identifier)


def _resolve(_: FakeClient, request: bytes) -> Message:
    asked = pb.ResolveImageConfigRequest.FromString(request)
    config = b'{"config": {"Env": ["PATH=/bin"], "Labels": {"a": "b"}}}'
    return pb.ResolveImageConfigResponse(Digest="sha256:" + "1" * 64, Config=config, Ref=asked.Ref)


_HONEST: dict[str, Callable[[FakeClient, bytes], Message]] = {
    "Ping": _ping,
    "Inputs": lambda engine, request: pb.InputsResponse(),
    "Solve": _solve,
    "ReadFile": _read,
    "StatFile": _stat,
    "ReadDir": _list,
    "ResolveImageConfig": _resolve,
    "Warn": lambda engine, request: pb.WarnResponse(),
    "Return": lambda engine, request: pb.ReturnResponse(),
}


def _fail(script: Script, context: grpc.ServicerContext) -> None:
    random = script.random
    code = random.choice([each for each in grpc.StatusCode if each != grpc.StatusCode.OK])
    status = status_pb2.Status(code=random.choice((0, 1, 2, 5, 17, 999, -1)), message=random.choice(TEXTS))
    status.details.add(type_url=random.choice(TEXTS[:6]), value=random.choice(DOCUMENTS))
    detail = random.choice((status.SerializeToString(), random.randbytes(30), b"", None))
    if detail is not None:
        context.set_trailing_metadata((("grpc-status-details-bin", detail),))
    context.abort(code, random.choice(("", "it broke", "a b" * 20_000, "line\nline", "\x1b[2J\u202e")))


def _silence(script: Script, context: grpc.ServicerContext) -> None:
    script.over.wait(60)
    context.abort(grpc.StatusCode.CANCELLED, "")


def _hang_up(script: Script, context: grpc.ServicerContext) -> None:
    script.hang_up()
    context.abort(grpc.StatusCode.CANCELLED, "")


_ACTIONS = {"error": _fail, "silence": _silence, "hang up": _hang_up}
KINDS = (*_ACTIONS, *CHANGES)
