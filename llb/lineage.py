"""Images in graphs, and what a state was made from, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .definition import ForeignOp
from .exec import ExecOp
from .file import FileOp
from .mounts import Bind
from .source import SourceOp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proto import ops_pb2

    from .op import State

_IMAGE = "docker-image://"


def image_below(state: State) -> State | None:
    """Return the image that was changed step by step into `state`; None if there is none, or no step changed it.

    `state` comes from `from_definition`. The search follows the input that each vertex changes: the root of a program,
    the base of file actions, the lowest of merged trees (BuildKit, solver/pb/ops.proto).
    """
    from proto import ops_pb2

    at: State | None = state
    while at is not None and isinstance(at.op, ForeignOp):
        op = ops_pb2.Op.FromString(at.op.data)
        if op.source.identifier.startswith(_IMAGE):
            return at if at is not state else None
        number = _below(op, at.index, len(at.op.trees))
        at = at.op.trees[number] if number is not None else None
    return None


def image_name(state: State) -> str:
    """Return the full name of the image that `state` is, with its digest if it is pinned; empty if it is none."""
    identifier = ""
    if isinstance(state.op, SourceOp):
        identifier = state.op.identifier
    elif isinstance(state.op, ForeignOp):
        from proto import ops_pb2

        identifier = ops_pb2.Op.FromString(state.op.data).source.identifier
    return identifier.removeprefix(_IMAGE) if identifier.startswith(_IMAGE) else ""


def versions(state: State) -> Iterator[State]:
    """Yield the trees that were changed step by step into `state`, from the one below it down to where they come from.

    As an image, each is what its layers make up to this one. A merge counts as the lowest of its trees.
    """
    at = _changed(state)
    while at is not None and not at.is_scratch:
        yield at
        at = _changed(at)


def _changed(state: State) -> State | None:
    """Return the tree that the vertex of `state` changed."""
    match state.op:
        case FileOp(base=base):
            return base
        case ExecOp() as op if state.index == 0 and not op.readonly_root:
            return op.root
        case ExecOp() as op:
            binds = (mount for mount in op.mounts if isinstance(mount, Bind))
            return next((each.source for each in binds if op.output(each.target) == state.index), None)
        case ForeignOp() as op:
            from proto import ops_pb2

            number = _below(ops_pb2.Op.FromString(op.data), state.index, len(op.trees))
            return op.trees[number] if number is not None else None
        case _:
            return None


def _below(op: ops_pb2.Op, output: int, inputs: int) -> int | None:
    """Return the input of `op` that became its `output`."""
    match op.WhichOneof("op"):
        case "exec":
            roots = (mount.input for mount in op.exec.mounts if mount.dest == "/" and mount.output == output)
            number = next(roots, -1)
        case "file":
            actions = op.file.actions
            number = next((each.input for each in actions if each.output == output), -1)
            # A number beyond the last input refers to an earlier action.
            while number >= inputs:
                number = actions[number - inputs].input
        case "merge":
            number = op.merge.inputs[0].input if op.merge.inputs else -1
        case _:
            number = -1
    return number if 0 <= number < inputs else None
