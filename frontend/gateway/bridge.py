"""The real `Client`: LLBBridge calls over a gRPC channel (BuildKit frontend/gateway/pb/gateway.proto)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from google.protobuf.message import DecodeError

from frontend.errors import AnswerError, EngineError
from proto import gateway_pb2 as pb

from . import status as wire
from .client import CacheImport, Pong, Ref, ResolvedImage, Solved, Stat

if TYPE_CHECKING:
    from llb import Definition, Platform, SourceFile, SourceRange
    from proto import ops_pb2, status_pb2

_SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"
_Reply = TypeVar("_Reply")


class Bridge:
    """LLBBridge over `channel`. One instance serves one request; calls may come from several threads."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def ping(self) -> Pong:
        """See `Client.ping`."""
        # The engine may still be setting up the pipe. This first call waits for it.
        reply = self._call("Ping", pb.PingRequest(), pb.PongResponse, timeout=15)
        listed = (*reply.FrontendAPICaps, *reply.LLBCaps)
        return Pong(
            frontend_caps=frozenset(cap.ID for cap in reply.FrontendAPICaps if cap.Enabled),
            llb_caps=frozenset(cap.ID for cap in reply.LLBCaps if cap.Enabled),
            disabled={cap.ID: cap.DisabledReasonMsg or cap.DisabledReason for cap in listed if not cap.Enabled},
        )

    def inputs(self) -> Mapping[str, ops_pb2.Definition]:
        """See `Client.inputs`."""
        return dict(self._call("Inputs", pb.InputsRequest(), pb.InputsResponse).Definitions)

    def solve(
        self, definition: Definition, *, evaluate: bool = False, cache_imports: tuple[CacheImport, ...] = ()
    ) -> Solved:
        """See `Client.solve`."""
        request = pb.SolveRequest(
            Definition=definition.to_pb(),
            allowResultReturn=True,
            allowResultArrayRef=True,
            Evaluate=evaluate,
            CacheImports=_cache_imports(cache_imports),
        )
        return _solved(self._call("Solve", request, pb.SolveResponse))

    def solve_frontend(
        self,
        frontend: str,
        options: Mapping[str, str],
        inputs: Mapping[str, ops_pb2.Definition],
        *,
        cache_imports: tuple[CacheImport, ...] = (),
    ) -> Solved:
        """See `Client.solve_frontend`."""
        request = pb.SolveRequest(
            Frontend=frontend,
            FrontendOpt=options,
            FrontendInputs=inputs,
            allowResultReturn=True,
            allowResultArrayRef=True,
            CacheImports=_cache_imports(cache_imports),
        )
        return _solved(self._call("Solve", request, pb.SolveResponse))

    def read_file(self, ref: Ref, path: str) -> bytes:
        """See `Client.read_file`."""
        reply = self._call("ReadFile", pb.ReadFileRequest(Ref=ref.id, FilePath=path), pb.ReadFileResponse)
        return reply.Data

    def stat_file(self, ref: Ref, path: str) -> Stat | None:
        """See `Client.stat_file`."""
        try:
            reply = self._call("StatFile", pb.StatFileRequest(Ref=ref.id, Path=path), pb.StatFileResponse)
        except EngineError as error:
            # Engines have no status code for this, only the message.
            missing = ("no such file", "not a directory", "too many links")
            if error.status.code == wire.NOT_FOUND or any(each in error.status.message for each in missing):
                return None
            raise
        return Stat(path=reply.stat.path, mode=reply.stat.mode, size=reply.stat.size)

    def list_directory(self, ref: Ref, path: str) -> Mapping[str, str]:
        """See `Client.list_directory`."""
        reply = self._call("ReadDir", pb.ReadDirRequest(Ref=ref.id, DirPath=path), pb.ReadDirResponse)
        return {entry.path: entry.linkname for entry in sorted(reply.entries, key=lambda each: each.path)}

    def resolve_image(self, ref: str, platform: Platform, *, mode: str, log_name: str) -> ResolvedImage:
        """See `Client.resolve_image`."""
        request = pb.ResolveImageConfigRequest(Ref=ref, Platform=platform.to_pb(), ResolveMode=mode, LogName=log_name)
        reply = self._call("ResolveImageConfig", request, pb.ResolveImageConfigResponse)
        return ResolvedImage(ref=reply.Ref or ref, digest=reply.Digest, config=reply.Config)

    def warn(
        self,
        digest: str,
        message: str,
        detail: tuple[str, ...] = (),
        *,
        url: str = "",
        source: SourceFile | None = None,
        place: SourceRange | None = None,
    ) -> None:
        """See `Client.warn`."""
        lines = [line.encode() for line in detail]
        request = pb.WarnRequest(digest=digest, level=1, short=message.encode(), detail=lines, url=url)
        if source is not None and place is not None:
            request.info.CopyFrom(source.to_pb())
            request.ranges.append(place.to_pb())
        self._call("Warn", request, pb.WarnResponse)

    def return_result(self, solved: Solved) -> None:
        """See `Client.return_result`."""
        result = pb.Result(metadata=dict(solved.metadata))
        if solved.refs:
            for name, ref in sorted(solved.refs.items()):
                result.refs.refs[name].id = ref.id
        elif solved.ref is not None:
            result.ref.id = solved.ref.id
        for name, each in sorted(solved.attestations.items()):
            added = result.attestations[name].attestation.add()
            added.kind, added.path, added.inTotoPredicateType = pb.InToto, each.path, each.kind
            added.ref.id = each.ref.id
            added.metadata["reason"] = each.reason.encode()
        self._call("Return", pb.ReturnRequest(result=result), pb.ReturnResponse)

    def return_error(self, status: status_pb2.Status) -> None:
        """See `Client.return_error`."""
        self._call("Return", pb.ReturnRequest(error=status), pb.ReturnResponse)

    def _call(self, name: str, request: Any, reply: type[_Reply], timeout: float | None = None) -> _Reply:
        """Make one unary call. Only here, errors of gRPC become ours."""
        # gRPC would log an answer that cannot be decoded, with a traceback.
        method: Any = self._channel.unary_unary(_SERVICE + name, request_serializer=type(request).SerializeToString)
        try:
            answer: bytes = method(request, timeout=timeout, wait_for_ready=timeout is not None)
        except grpc.RpcError as error:
            raise EngineError(wire.from_rpc(error)) from None
        try:
            return reply.FromString(answer)  # type: ignore[attr-defined,no-any-return]
        except DecodeError:
            raise AnswerError(f"that of {name} cannot be decoded") from None


def _cache_imports(imports: tuple[CacheImport, ...]) -> list[pb.CacheOptionsEntry]:
    return [pb.CacheOptionsEntry(Type=item.type, Attrs=dict(item.attrs)) for item in imports]


def _solved(reply: pb.SolveResponse) -> Solved:
    result = reply.result
    metadata = dict(result.metadata)
    if result.HasField("refs"):
        refs = {name: _ref(ref) for name, ref in result.refs.refs.items()}
        return Solved(ref=None, refs=refs, metadata=metadata)
    return Solved(ref=_ref(result.ref) if result.HasField("ref") else None, metadata=metadata)


def _ref(ref: pb.Ref) -> Ref:
    return Ref(id=ref.id, definition=ref.__getattribute__("def") if ref.HasField("def") else None)
