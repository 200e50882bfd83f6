"""The difference between two trees: DiffOp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from .op import Inputs, Op, State
from .vertex import Vertex, VertexOptions

if TYPE_CHECKING:
    from proto import ops_pb2


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class DiffOp(Op):
    """The tree `upper` without the content of `lower`. Made by `diff`."""

    kind = "diff"

    lower: State
    upper: State

    def parents(self) -> tuple[State, ...]:
        """See `Op.parents`."""
        return self.lower, self.upper

    def caps(self) -> frozenset[str]:
        """See `Op.caps`."""
        return frozenset({"diffop"})

    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """See `Op.encode`."""
        from proto import ops_pb2

        lower = ops_pb2.LowerDiffInput(input=inputs.append(self.lower))
        upper = ops_pb2.UpperDiffInput(input=inputs.append(self.upper))
        return ops_pb2.Op(diff=ops_pb2.DiffOp(lower=lower, upper=upper))


def diff(lower: State, upper: State, **options: Unpack[VertexOptions]) -> State:
    """Return the changes from `lower` to `upper`, comparing times too; deletions take effect in a later merge.

    The difference from the empty tree is `upper` itself, and a tree does not differ from itself; neither case makes
    a vertex. Engines without the capability `diffop` need another way.
    """
    if lower.is_scratch:
        return upper
    if lower == upper:
        return State()
    return State(DiffOp(vertex=Vertex.of(options), platform=upper.platform, lower=lower, upper=upper))
