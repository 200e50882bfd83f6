"""Errors on the wire: google.rpc.Status with BuildKit's typed details.

BuildKit (util/grpcerrors, solver/errdefs) finds details by a bare type name and reads JSON, not protobuf. It silently
drops everything else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
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
"""The status code whose message BuildKit's client shows unchanged, without the name of the code."""
CANCELLED = 1
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
_CODES = range(17)
"""Those of gRPC."""
_SILENT = "the engine (dockerd or BuildKit) does not say why"
_TRAILER = "grpc-status-details-bin"
_SNIPPETS = 10
_CONTEXT_LINES = 5
_LINE = 500


def make(message: str, source: SourceFile | None = None, ranges: tuple[SourceRange, ...] = ()) -> status_pb2.Status:
    """Return an error with an unchanged message, and a snippet of `source` for each of the first ranges."""
    status = status_pb2.Status(code=UNKNOWN, message=message)
    add_snippets(status, source, ranges)
    return status


def add_snippets(status: status_pb2.Status, source: SourceFile | None, ranges: tuple[SourceRange, ...]) -> None:
    """Append the places of an error. An empty place keeps BuildKit from showing the `# syntax` line instead."""
    if source is None or not ranges:
        add_detail(status, SOURCE, {"info": {"filename": source.filename if source else ""}})
        return
    # Snippets show whole lines, so there is one for each line.
    unique = {(place.start_line, place.end_line): place for place in reversed(ranges)}
    ordered = sorted(unique.values(), key=ranges.index)[:_SNIPPETS]
    # Printers start with the last detail, the innermost of wrapped errors in Go.
    for place in reversed(ordered):
        add_detail(status, SOURCE, _source_json(source, place))


def add_detail(status: status_pb2.Status, type_url: str, value: dict[str, object]) -> None:
    """Append a typed detail. `value` is JSON as written by encoding/json in Go."""
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
    """Return the full status of a failed call, including the details in its trailer."""
    from google.protobuf.message import DecodeError

    status = status_pb2.Status(code=error.code().value[0], message=error.details() or error.code().name)
    trailer: Any = error.trailing_metadata()  # (key, value) pairs, unlike in the type stubs
    for key, value in trailer or ():
        if key == _TRAILER:
            with suppress(DecodeError):  # The call itself has a reason, too.
                status = status_pb2.Status.FromString(value)
    # An error with the code of success would be a success.
    if not 0 < status.code < _CODES.stop:
        status.code = UNKNOWN
    status.message = status.message.strip() or _SILENT
    return status


def _source_json(source: SourceFile, place: SourceRange) -> dict[str, object]:
    info = {
        "filename": source.filename,
        "data": base64.b64encode(_excerpt(source.data, place)).decode(),
        "language": source.language,
    }
    span = {
        # Always both ends, because printers of BuildKit dereference them.
        "start": {"line": place.start_line, "character": place.start_char},
        "end": {"line": place.end_line, "character": place.end_char},
    }
    return {"info": info, "ranges": [span]}


def _excerpt(data: bytes, place: SourceRange) -> bytes:
    """Return the file with only the lines near `place`, and empty others: trailers must be small."""
    first, last = place.start_line - _CONTEXT_LINES, place.end_line + _CONTEXT_LINES
    lines = data.split(b"\n")[: max(last, 0)]
    return b"\n".join(line[:_LINE] if number >= first else b"" for number, line in enumerate(lines, 1))
