"""Errors on the wire: google.rpc.Status with BuildKit's typed details.

BuildKit (util/grpcerrors, solver/errdefs) looks details up by a bare type name and reads JSON, not protobuf:
anything else is silently dropped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from proto import status_pb2

if TYPE_CHECKING:
    import grpc

    from llb import SourceFile, SourceRange

_PREFIX = "github.com/moby/buildkit/"
SOURCE = _PREFIX + "errdefs.Source+json"
VERTEX = _PREFIX + "errdefs.Vertex+json"
SUBREQUEST = _PREFIX + "errdefs.Subrequest+json"
EXIT = _PREFIX + "gatewayapi.ExitMessage+json"
UNKNOWN = 2
"""The status code whose message BuildKit's client shows as it is, without the code's name before it."""
CANCELLED = 1
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
_TRAILER = "grpc-status-details-bin"


def make(message: str, source: SourceFile | None = None, ranges: tuple[SourceRange, ...] = ()) -> status_pb2.Status:
    """Return an error whose message is shown as is, with a snippet of `source` for each range."""
    status = status_pb2.Status(code=UNKNOWN, message=message)
    if source is not None:
        for place in ranges:
            add_detail(status, SOURCE, source_json(source, place))
    return status


def add_detail(status: status_pb2.Status, type_url: str, value: dict[str, object]) -> None:
    """Append a typed detail, `value` as Go's encoding/json would write it."""
    detail = status.details.add()
    detail.type_url = type_url
    detail.value = json.dumps(value, separators=(",", ":")).encode()


def details(status: status_pb2.Status, type_url: str) -> Iterator[dict[str, object]]:
    """Yield the details of one type, decoded."""
    for detail in status.details:
        if detail.type_url == type_url:
            try:
                value = json.loads(detail.value)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value


def from_rpc(error: grpc.RpcError) -> status_pb2.Status:
    """Return the full status of a failed call; its details come in a trailer."""
    trailer: Any = error.trailing_metadata()  # (key, value) pairs, whatever the type stubs say
    for key, value in trailer or ():
        if key == _TRAILER:
            return status_pb2.Status.FromString(value)
    return status_pb2.Status(code=error.code().value[0], message=error.details() or error.code().name)


def source_json(source: SourceFile, place: SourceRange) -> dict[str, object]:
    """Return the Source detail of one place, as BuildKit's Go code writes it."""
    info = {
        "filename": source.filename,
        "data": base64.b64encode(source.data).decode(),
        "language": source.language,
    }
    span = {
        # Both ends always: BuildKit's printers dereference them.
        "start": {"line": place.start_line, "character": place.start_char},
        "end": {"line": place.end_line, "character": place.end_char},
    }
    return {"info": info, "ranges": [span]}
