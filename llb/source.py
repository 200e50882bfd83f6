"""Vertices that fetch files from outside: SourceOp."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from . import checks
from .op import Inputs, Op, State
from .platform import Platform
from .vertex import Vertex, VertexOptions

if TYPE_CHECKING:
    from proto import ops_pb2


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class SourceOp(Op):
    """A source with its identifier (`scheme://...`) and attributes. Made by `image`, `local`, `http`, `git`."""

    kind = "source"

    identifier: str
    attrs: tuple[tuple[str, str], ...]
    needs: frozenset[str]

    def parents(self) -> tuple[State, ...]:
        """See `Op.parents`."""
        return ()

    def caps(self) -> frozenset[str]:
        """See `Op.caps`."""
        return self.needs

    def wire_platform(self) -> Platform | None:
        """See `Op.wire_platform`. Only images have one."""
        return self.platform

    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """See `Op.encode`."""
        from proto import ops_pb2

        return ops_pb2.Op(source=ops_pb2.SourceOp(identifier=self.identifier, attrs=dict(self.attrs)))


class Attributes:
    """The attributes of a source, collected together with the capabilities that they need."""

    def __init__(self, cap: str) -> None:
        self._attrs: dict[str, str] = {}
        self._caps = {cap}

    def add(self, key: str, value: str | None, cap: str = "") -> None:
        """Set `key` unless `value` is None or empty; `cap` is the capability it needs."""
        if value:
            self._attrs[key] = checks.text(key, value)
            self._caps |= {cap} - {""}

    def add_list(self, key: str, values: Iterable[str], cap: str) -> None:
        """Set `key` to a JSON array unless it is empty."""
        values = list(values)
        if values:
            self.add(key, json.dumps(values, separators=(",", ":"), ensure_ascii=False), cap)

    def state(self, identifier: str, platform: Platform | None = None, **options: Unpack[VertexOptions]) -> State:
        """Return the state of a source with these attributes."""
        return State(
            SourceOp(
                vertex=Vertex.of(options),
                platform=platform.normalized() if platform else None,
                identifier=checks.text("the identifier of a source", identifier),
                attrs=tuple(sorted(self._attrs.items())),
                needs=frozenset(self._caps),
            )
        )
