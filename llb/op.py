"""The two halves of a graph: operations, and the states (file trees) that they read and produce."""

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
    """The input edges of one vertex, collected while it is encoded."""

    def __init__(self, digests: Mapping[Op, str]) -> None:
        self._digests = digests
        self._numbers: dict[tuple[str, int], int] = {}
        self.edges: list[tuple[str, int]] = []

    def share(self, state: State) -> int:
        """Return the input number for `state`: the number of an equal edge if there is one, -1 for scratch."""
        if state.op is None:
            return -1
        number = self._numbers.get((self._digests[state.op], state.index))
        return self.append(state) if number is None else number

    def append(self, state: State) -> int:
        """Add an input for `state`, even if an equal edge exists, and return its number."""
        if state.op is None:
            return -1
        edge = self._digests[state.op], state.index
        self.edges.append(edge)
        self._numbers[edge] = len(self.edges) - 1
        return len(self.edges) - 1


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class Op(ABC):
    """A vertex. Compared by identity; `marshal` combines equal ones."""

    kind: ClassVar[str]

    vertex: Vertex = _PLAIN
    platform: Platform | None = None
    """The platform of the result, if known."""

    @abstractmethod
    def parents(self) -> tuple[State, ...]:
        """Return all states this vertex reads."""

    @abstractmethod
    def caps(self) -> frozenset[str]:
        """Return the capabilities the engine needs for this vertex."""

    @abstractmethod
    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """Return the wire message without inputs, platform and constraints; `inputs` assigns the input numbers."""

    def wire_platform(self) -> Platform | None:
        """Return the platform in the cache key. Most vertices have none, so that all platforms share them."""
        return None

    def serialize(self, digests: Mapping[Op, str]) -> bytes:
        """Return the canonical bytes, given the digests of all vertices that this one reads."""
        from proto import ops_pb2

        inputs = Inputs(digests)
        body = self.encode(inputs)
        frame = ops_pb2.Op()
        for digest, index in inputs.edges:
            frame.inputs.add(digest=digest, index=index)
        platform = self.wire_platform()
        if platform:
            frame.platform.CopyFrom(platform.to_pb())
        # BuildKit's own client writes the field even if it is empty.
        frame.constraints.SetInParent()
        # Engines since 0.17 serialize every operation again and identify it by that digest. Go writes the oneof
        # field (the kind of operation) after all others, whatever its number.
        return frame.SerializeToString(deterministic=True) + body.SerializeToString(deterministic=True)

    def metadata(self) -> ops_pb2.OpMetadata:
        """Return the metadata of this vertex, which is not part of its digest."""
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
        """Return the places this vertex comes from; our own ranges refer to `file`."""
        return origins(file, self.vertex.locations)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.vertex.name!r}>"


@dataclass(frozen=True, slots=True)
class State:
    """A file tree: output `index` of a vertex, or the empty tree if `op` is None.

    States never change; operations on a state return a new one. Two states are equal if they are the same output
    of the same vertex object.
    """

    op: Op | None = None
    index: int = 0

    @property
    def is_scratch(self) -> bool:
        """Whether this is the empty tree."""
        return self.op is None

    @property
    def platform(self) -> Platform | None:
        """The platform of the tree, None if unknown."""
        return self.op.platform if self.op else None

    def __repr__(self) -> str:
        return f"<State {self.op!r} output {self.index}>" if self.op else "<State scratch>"


def scratch() -> State:
    """Return the empty tree."""
    return State()
