"""The two halves of a graph: operations, and the states (file trees) that they read and make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .platform import Platform
from .sourcemap import Origin, SourceFile, origins
from .vertex import Vertex

if TYPE_CHECKING:
    from proto import ops_pb2


_PLAIN = Vertex()


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

    vertex: Vertex = _PLAIN
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


@dataclass(frozen=True, slots=True)
class State:
    """A file tree: output `index` of a vertex, or the empty tree where `op` is None.

    States never change; what is done to one gives a new one. Two are equal when they are the same output of
    the same vertex object.
    """

    op: Op | None = None
    index: int = 0

    @property
    def is_scratch(self) -> bool:
        """Whether it is the empty tree."""
        return self.op is None

    @property
    def platform(self) -> Platform | None:
        """What the tree is made for; None where nobody said."""
        return self.op.platform if self.op else None

    def __repr__(self) -> str:
        return f"<State {self.op!r} output {self.index}>" if self.op else "<State scratch>"


def scratch() -> State:
    """Return the empty tree."""
    return State()
