"""State: a file tree that a vertex makes, and the methods that lead from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from .op import Op, VertexOptions
from .platform import Platform

if TYPE_CHECKING:
    from .exec import ExecOptions, ExecResult
    from .file import Action


@dataclass(frozen=True, slots=True)
class State:
    """A file tree: output `index` of a vertex, or the empty tree where `op` is None.

    States never change; every method returns a new one. Two are equal when they are the same output of
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

    def run(self, args: Sequence[str], **options: Unpack[ExecOptions]) -> ExecResult:
        """Run a program with this tree as its root. See `ExecOptions`."""
        from .exec import execute

        return execute(self, args, **options)

    def file(self, *actions: Action, **options: Unpack[VertexOptions]) -> State:
        """Do file actions on this tree, in order and in one vertex: Copy, Mkdir, Mkfile, Rm, Symlink."""
        from .file import apply

        return apply(self, actions, **options)

    def __repr__(self) -> str:
        return f"<State {self.op!r} output {self.index}>" if self.op else "<State scratch>"


def scratch() -> State:
    """Return the empty tree."""
    return State()
