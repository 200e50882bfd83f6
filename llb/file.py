"""File actions without a process: FileOp. One vertex holds several actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from .actions import Action, Copy, Mkdir, Mkfile, Rm, Symlink, action_caps, encode_action
from .errors import LlbError
from .op import Inputs, Op, State
from .vertex import Vertex, VertexOptions

if TYPE_CHECKING:
    from proto import ops_pb2

__all__ = ["Action", "Copy", "FileOp", "Mkdir", "Mkfile", "Rm", "Symlink", "edit"]


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class FileOp(Op):
    """Actions on the tree `base`, each applied to the result of the one before. Made by `edit`."""

    kind = "file"

    base: State
    actions: tuple[Action, ...]

    def parents(self) -> tuple[State, ...]:
        """See `Op.parents`."""
        return (self.base, *(action.source for action in self.actions if isinstance(action, Copy)))

    def caps(self) -> frozenset[str]:
        """See `Op.caps`."""
        return frozenset({"file.base"}.union(*map(action_caps, self.actions)))

    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """See `Op.encode`."""
        from proto import ops_pb2

        base = inputs.share(self.base)
        sources = [inputs.share(action.source) if isinstance(action, Copy) else -1 for action in self.actions]
        op = ops_pb2.FileOp()
        for number, (action, source) in enumerate(zip(self.actions, sources, strict=True)):
            # Numbers beyond the inputs refer to earlier actions.
            tree = base if number == 0 else len(inputs.edges) + number - 1
            last = number == len(self.actions) - 1
            message = op.actions.add(input=tree, secondaryInput=source, output=0 if last else -1)
            encode_action(action, message)
        return ops_pb2.Op(file=op)


def edit(base: State, *actions: Action, **options: Unpack[VertexOptions]) -> State:
    """Return the tree `base` after file actions (Copy, Mkdir, Mkfile, Rm, Symlink), applied in order in one vertex."""
    if not actions:
        raise LlbError("a file step needs at least one action")
    return State(FileOp(vertex=Vertex.of(options), platform=base.platform, base=base, actions=actions))
