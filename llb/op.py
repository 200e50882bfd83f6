"""What all vertices of the graph have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypedDict

from . import checks
from .platform import Platform
from .sourcemap import Origin, SourceFile, SourceRange, origins

if TYPE_CHECKING:
    from proto import ops_pb2

    from .state import State

_CONTROL = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]")
"""What would move the cursor of a terminal, or be more than one line."""


@dataclass(frozen=True, slots=True)
class ProgressGroup:
    """Vertices with the same `id` are shown as one line, `name`. `id` should differ from build to build."""

    id: str
    name: str
    weak: bool = False


class VertexOptions(TypedDict, total=False):
    """Keyword arguments of everything that makes a vertex. None of them is part of the cache key.

    `name` is the line in the progress: control characters become their escapes. `location` is the place, or places,
    in the user's file that are shown when the vertex fails. `ignore_cache` runs the vertex even if its result is known.
    """

    name: str
    location: SourceRange | tuple[SourceRange, ...] | None
    ignore_cache: bool
    progress_group: ProgressGroup | None


@dataclass(frozen=True, slots=True)
class Vertex:
    """The checked form of `VertexOptions`."""

    name: str = ""
    locations: tuple[SourceRange, ...] = ()
    ignore_cache: bool = False
    progress_group: ProgressGroup | None = None

    @classmethod
    def of(cls, options: VertexOptions) -> Vertex:
        """Return the checked form of `options`. Raises `LlbError` for a name that is no text."""
        name = checks.text("the name of a vertex", options.get("name", ""))
        location = options.get("location") or ()
        return cls(
            name=_CONTROL.sub(lambda found: repr(found[0])[1:-1], name),
            locations=(location,) if isinstance(location, SourceRange) else location,
            ignore_cache=options.get("ignore_cache", False),
            progress_group=options.get("progress_group"),
        )


class Inputs:
    """Collects the input edges of one vertex while it is encoded."""

    def __init__(self, digests: Mapping[Op, str]) -> None:
        self._digests = digests
        self._numbers: dict[tuple[str, int], int] = {}
        self.edges: list[tuple[str, int]] = []

    def share(self, state: State) -> int:
        """Return the input number of `state`: that of the same edge if there is one, -1 for scratch."""
        if state.op is None:
            return -1
        number = self._numbers.get((self._digests[state.op], state.index))
        return self.append(state) if number is None else number

    def append(self, state: State) -> int:
        """Add an input for `state`, even if there is the same edge already, and return its number."""
        if state.op is None:
            return -1
        edge = self._digests[state.op], state.index
        self.edges.append(edge)
        self._numbers[edge] = len(self.edges) - 1
        return len(self.edges) - 1


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class Op(ABC):
    """A vertex. Compared by identity: equal ones become one when the graph is marshalled."""

    kind: ClassVar[str]

    vertex: Vertex = Vertex()
    platform: Platform | None = None
    """What the result is made for, as far as it is known."""

    @abstractmethod
    def parents(self) -> tuple[State, ...]:
        """Return all states this vertex reads."""

    @abstractmethod
    def caps(self) -> frozenset[str]:
        """Return the capabilities the engine needs for this vertex."""

    @abstractmethod
    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """Return the wire message without inputs, platform and constraints; ask `inputs` for numbers."""

    def wire_platform(self) -> Platform | None:
        """Return the platform that is part of the cache key. Most vertices have none: all platforms share them."""
        return None

    def serialize(self, digests: Mapping[Op, str]) -> bytes:
        """Return the canonical bytes, given the digests of all vertices this one reads."""
        from proto import ops_pb2

        inputs = Inputs(digests)
        body = self.encode(inputs)
        frame = ops_pb2.Op()
        for digest, index in inputs.edges:
            frame.inputs.add(digest=digest, index=index)
        platform = self.wire_platform()
        if platform:
            frame.platform.CopyFrom(platform.to_pb())
        # BuildKit's own client writes it even when empty.
        frame.constraints.SetInParent()
        # Engines since 0.17 serialize every operation again and name it by that digest. Go writes the one field
        # that says what is done behind all others, whatever its number.
        return frame.SerializeToString(deterministic=True) + body.SerializeToString(deterministic=True)

    def metadata(self) -> ops_pb2.OpMetadata:
        """Return what the engine should know about this vertex beside its content."""
        from proto import ops_pb2

        vertex = self.vertex
        result = ops_pb2.OpMetadata(ignore_cache=vertex.ignore_cache, caps=dict.fromkeys(self.caps(), True))
        if vertex.name:
            result.description["llb.customname"] = vertex.name
        if vertex.progress_group:
            group = vertex.progress_group
            result.progress_group.CopyFrom(ops_pb2.ProgressGroup(id=group.id, name=group.name, weak=group.weak))
        return result

    def origins(self, file: SourceFile | None) -> tuple[Origin, ...]:
        """Return the places this vertex comes from; `file` is what our own ranges point into."""
        return origins(file, self.vertex.locations)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.vertex.name!r}>"
