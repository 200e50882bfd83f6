"""States from graphs that another program serialized: results of nested builds, inputs, the frontend's own image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import LlbError
from .op import Inputs, Op, State
from .platform import Platform
from .sourcemap import Origin, SourceFile

if TYPE_CHECKING:
    from proto import ops_pb2


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class ForeignOp(Op):
    """A vertex whose bytes, metadata and places stay as they came. Made by `from_definition`."""

    kind = "foreign"

    data: bytes
    trees: tuple[State, ...]
    meta: bytes
    places: tuple[Origin, ...]

    def parents(self) -> tuple[State, ...]:
        """See `Op.parents`."""
        return self.trees

    def caps(self) -> frozenset[str]:
        """See `Op.caps`."""
        return frozenset(cap for cap, needed in self.metadata().caps.items() if needed)

    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """See `Op.encode`."""
        from proto import ops_pb2

        return ops_pb2.Op.FromString(self.data)

    def serialize(self, digests: Mapping[Op, str]) -> bytes:
        """Return the bytes as they came: other vertices refer to them by their digest."""
        return self.data

    def metadata(self) -> ops_pb2.OpMetadata:
        """See `Op.metadata`."""
        from proto import ops_pb2

        return ops_pb2.OpMetadata.FromString(self.meta)

    def origins(self, file: SourceFile | None) -> tuple[Origin, ...]:
        """Return the places as they came."""
        return self.places


def from_definition(definition: ops_pb2.Definition) -> State:
    """Return the tree that a serialized graph makes; a graph without vertices is the empty tree.

    Raises `LlbError` for an invalid graph: no terminal vertex, or vertices out of order.
    """
    if not getattr(definition, "def"):
        return State()
    *body, last = getattr(definition, "def")
    made: dict[str, ForeignOp] = {}
    places = _places(definition.Source)
    for data in body:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        op = _parse(data)
        made[digest] = ForeignOp(
            platform=_platform(op),
            data=data,
            trees=_trees(op, made),
            meta=definition.metadata[digest].SerializeToString(deterministic=True)
            if digest in definition.metadata
            else b"",
            places=places.get(digest, ()),
        )
    terminal = _parse(last)
    if terminal.WhichOneof("op") or len(terminal.inputs) != 1:
        raise LlbError("the nested graph must end with a terminal vertex that has one input")
    return _trees(terminal, made)[0]


def in_older_order(state: State) -> State:
    """Return the vertex of a source with its bytes as engines before BuildKit 0.17 write them: what it is comes first.

    Such engines do not serialize operations again, so only equal bytes make equal vertices.
    """
    from proto import ops_pb2

    assert state.op is not None
    frame = ops_pb2.Op.FromString(state.op.serialize({}))
    body = ops_pb2.Op(source=frame.source)
    frame.ClearField("source")
    data = body.SerializeToString(deterministic=True) + frame.SerializeToString(deterministic=True)
    meta = state.op.metadata().SerializeToString(deterministic=True)
    return State(ForeignOp(data=data, trees=(), meta=meta, places=()), state.index)


def _parse(data: bytes) -> ops_pb2.Op:
    from google.protobuf.message import DecodeError

    from proto import ops_pb2

    try:
        return ops_pb2.Op.FromString(data)
    except DecodeError:
        raise LlbError("the nested graph is invalid: a vertex cannot be decoded") from None


def _trees(op: ops_pb2.Op, made: Mapping[str, ForeignOp]) -> tuple[State, ...]:
    for edge in op.inputs:
        if edge.digest not in made:
            raise LlbError(f"the nested graph uses vertex {edge.digest} before defining it")
    return tuple(State(made[edge.digest], edge.index) for edge in op.inputs)


def _platform(op: ops_pb2.Op) -> Platform | None:
    if not op.HasField("platform"):
        return None
    found = op.platform
    return Platform(found.OS, found.Architecture, found.Variant, found.OSVersion)


def _places(source: ops_pb2.Source) -> dict[str, tuple[Origin, ...]]:
    infos = [info.SerializeToString(deterministic=True) for info in source.infos]
    return {
        digest: tuple(
            Origin(
                infos[location.sourceIndex],
                tuple(rng.SerializeToString(deterministic=True) for rng in location.ranges),
            )
            for location in locations.locations
            if 0 <= location.sourceIndex < len(infos)
        )
        for digest, locations in source.locations.items()
    }
