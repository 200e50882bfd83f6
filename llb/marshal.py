"""A state and everything it depends on -> `Definition`, the serialized graph.

Equal states give equal bytes on every machine. The digests are the ones that BuildKit computes itself, so that
positions in the user's file and warnings refer to the right vertex.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .errors import LlbError
from .op import Op, State
from .sourcemap import Origin, SourceFile, SourceRange, source_to_pb
from .vertex import Part

if TYPE_CHECKING:
    from proto import ops_pb2

_TERMINAL_CAPS = ("constraints", "platform")


@dataclass(frozen=True, slots=True)
class VertexInfo:
    """Details about a vertex, used to explain an error that contains its digest.

    `kind` is source, exec, file, merge, diff or foreign; `locations` are our own, never those of foreign graphs.
    `parts` is what it does one after the other, if that is more than one thing.
    """

    name: str
    locations: tuple[SourceRange, ...]
    kind: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Definition:
    """A serialized graph. `vertices` is in wire order: inputs come before the vertices that use them."""

    vertices: Mapping[str, VertexInfo]
    caps: frozenset[str]
    """All capabilities that the engine needs."""

    _data: tuple[bytes, ...] = field(repr=False)
    _metadata: Mapping[str, bytes] = field(repr=False)
    _origins: Mapping[str, tuple[Origin, ...]] = field(repr=False)
    _digests: Mapping[Op, str] = field(repr=False, compare=False)

    @property
    def is_scratch(self) -> bool:
        """Whether this is the empty tree, which needs no solve."""
        return not self._data

    def digest_of(self, state: State) -> str:
        """Return the digest of the vertex that makes `state`. Raises `LlbError` if the graph does not contain it."""
        if state.op is None or state.op not in self._digests:
            raise LlbError(f"{state!r} is not part of this graph")
        return self._digests[state.op]

    def to_pb(self) -> ops_pb2.Definition:
        """Return a new wire message."""
        from proto import ops_pb2

        return ops_pb2.Definition.FromString(self._wire)

    @cached_property
    def _wire(self) -> bytes:
        from proto import ops_pb2

        message = ops_pb2.Definition()
        getattr(message, "def").extend(self._data)
        for digest, data in self._metadata.items():
            message.metadata[digest].ParseFromString(data)
        places = source_to_pb(self._origins.items())
        if places.infos:
            message.Source.CopyFrom(places)
        return message.SerializeToString(deterministic=True)


def marshal(state: State, source_file: SourceFile | None = None) -> Definition:
    """Serialize the graph that makes `state`. The vertices' locations refer to `source_file`."""
    if state.op is None:
        return Definition({}, frozenset(), (), {}, {}, {})
    digests: dict[Op, str] = {}
    data: dict[str, bytes] = {}
    metadata: dict[str, ops_pb2.OpMetadata] = {}
    places: dict[str, tuple[Origin, ...]] = {}
    vertices: dict[str, VertexInfo] = {}
    for op in _in_order(state.op):
        serialized = op.serialize(digests)
        digest = digests[op] = _digest(serialized)
        data[digest] = serialized
        metadata[digest] = _merged(metadata.get(digest), op.metadata())
        places[digest] = _union(places.get(digest, ()), op.origins(source_file))
        vertices[digest] = _info(vertices.get(digest), op, metadata[digest])
    terminal = _terminal(digests[state.op], state.index)
    data[_digest(terminal)] = terminal
    metadata[_digest(terminal)] = _terminal_metadata(metadata)
    return Definition(
        vertices=vertices,
        caps=frozenset(cap for entry in metadata.values() for cap, needed in entry.caps.items() if needed),
        _data=tuple(data.values()),
        _metadata={digest: entry.SerializeToString(deterministic=True) for digest, entry in metadata.items()},
        _origins={digest: found for digest, found in places.items() if found},
        _digests=digests,
    )


def _in_order(top: Op) -> list[Op]:
    """Return all vertices, each once and after its inputs. Iterative, because graphs can be very deep."""
    result: list[Op] = []
    entered: set[Op] = set()
    stack: list[tuple[Op, bool]] = [(top, False)]
    while stack:
        op, parents_done = stack.pop()
        if parents_done:
            result.append(op)
        elif op not in entered:
            entered.add(op)
            stack.append((op, True))
            stack.extend((parent.op, False) for parent in reversed(op.parents()) if parent.op)
    return result


def _terminal(digest: str, index: int) -> bytes:
    from proto import ops_pb2

    edge = ops_pb2.Input(digest=digest, index=index)
    return ops_pb2.Op(inputs=[edge]).SerializeToString(deterministic=True)


def _terminal_metadata(metadata: Mapping[str, ops_pb2.OpMetadata]) -> ops_pb2.OpMetadata:
    """Return the metadata of the terminal vertex: the capabilities that the metadata of all other vertices uses."""
    from proto import ops_pb2

    used = {
        "meta.ignorecache": any(entry.ignore_cache for entry in metadata.values()),
        "meta.description": any(entry.description for entry in metadata.values()),
        "meta.exportcache": any(entry.HasField("export_cache") for entry in metadata.values()),
    }
    caps = (*_TERMINAL_CAPS, *(cap for cap, needed in used.items() if needed))
    return ops_pb2.OpMetadata(caps=dict.fromkeys(caps, True))


def _merged(first: ops_pb2.OpMetadata | None, other: ops_pb2.OpMetadata) -> ops_pb2.OpMetadata:
    """Return the combined metadata of two equal vertices, with the name of the first."""
    if first is not None:
        other.MergeFrom(first)
    return other


def _union(first: tuple[Origin, ...], other: tuple[Origin, ...]) -> tuple[Origin, ...]:
    return tuple(dict.fromkeys((*first, *other)))


def _info(first: VertexInfo | None, op: Op, metadata: ops_pb2.OpMetadata) -> VertexInfo:
    locations = (*(first.locations if first else ()), *op.vertex.locations)
    name = metadata.description.get("llb.customname", "")
    kind, parts = (first.kind, first.parts) if first else (op.kind, op.vertex.parts)
    return VertexInfo(name, tuple(dict.fromkeys(locations)), kind, parts)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
