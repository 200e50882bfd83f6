"""Trees stacked on top of each other without copying: MergeOp."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from .op import Inputs, Op, State
from .vertex import Vertex, VertexOptions

if TYPE_CHECKING:
    from proto import ops_pb2


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class MergeOp(Op):
    """Two or more trees, later ones on top. Made by `merge`."""

    kind = "merge"

    trees: tuple[State, ...]

    def parents(self) -> tuple[State, ...]:
        """See `Op.parents`."""
        return self.trees

    def caps(self) -> frozenset[str]:
        """See `Op.caps`."""
        return frozenset({"mergeop"})

    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """See `Op.encode`."""
        from proto import ops_pb2

        # Like BuildKit's own client, give equal trees separate inputs.
        numbers = [inputs.append(tree) for tree in self.trees]
        return ops_pb2.Op(merge=ops_pb2.MergeOp(inputs=[ops_pb2.MergeInput(input=number) for number in numbers]))


def merge(states: Iterable[State], **options: Unpack[VertexOptions]) -> State:
    """Return all trees as one: directories are merged, and for any other path the last tree wins.

    Empty trees are ignored; with fewer than two trees there is no vertex. Engines without the capability `mergeop`
    need copies instead.
    """
    trees = tuple(state for state in states if not state.is_scratch)
    if len(trees) < 2:
        return trees[0] if trees else State()
    return State(MergeOp(vertex=Vertex.of(options), platform=trees[0].platform, trees=trees))
