"""The questions of a frontend to BuildKit, and the answers, as plain values without gRPC.

`bridge.Bridge` is the real client; `tests/support/fake_client.py` is the one that unit tests use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from llb import Definition, Platform, SourceFile, SourceRange
    from proto import ops_pb2, status_pb2


_TYPES = 0x87280000
"""Bits of os.FileMode in Go: directory, device, pipe, socket, character device, whatever is neither file nor link."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The capabilities of BuildKit. `disabled` maps those that are turned off to the reason."""

    frontend_caps: frozenset[str]
    llb_caps: frozenset[str]
    disabled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ref:
    """A solved state held by BuildKit. An empty `id` is the empty file system."""

    id: str
    definition: ops_pb2.Definition | None = None


@dataclass(frozen=True, slots=True)
class Attestation:
    """A statement about a result: the file `path` of `ref` has its content, the predicate, which is of the type `kind`.

    `reason` says what it is for (BuildKit solver/result/attestation.go).
    """

    ref: Ref
    path: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Solved:
    """The answer of a solve: one ref, or one per platform, metadata, and what is stated about each platform."""

    ref: Ref | None
    refs: Mapping[str, Ref] = field(default_factory=dict)
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    attestations: Mapping[str, Attestation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """A resolved image. `digest` is empty for an image that exists only in a classic Docker store."""

    ref: str
    digest: str
    config: bytes


@dataclass(frozen=True, slots=True)
class Stat:
    """A file in a ref. `mode` has the bits of Go's os.FileMode."""

    path: str
    mode: int
    size: int

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return bool(self.mode & 1 << 31)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file. The engine would wait for somebody to write into a pipe."""
        return not self.mode & _TYPES


@dataclass(frozen=True, slots=True)
class CacheImport:
    """A source of cached results, as in --cache-from of buildx."""

    type: str
    attrs: Mapping[str, str]


class Client(Protocol):
    """The LLBBridge service. Every call raises `EngineError` if BuildKit returns an error."""

    def ping(self) -> Pong:
        """Return the capabilities of BuildKit."""
        ...

    def inputs(self) -> Mapping[str, ops_pb2.Definition]:
        """Return the build inputs that the caller passed as graphs (linked targets of bake)."""
        ...

    def solve(
        self, definition: Definition, *, evaluate: bool = False, cache_imports: tuple[CacheImport, ...] = ()
    ) -> Solved:
        """Build a graph. Without `evaluate`, it is built only when a result is needed."""
        ...

    def solve_frontend(
        self,
        frontend: str,
        options: Mapping[str, str],
        inputs: Mapping[str, ops_pb2.Definition],
        *,
        cache_imports: tuple[CacheImport, ...] = (),
    ) -> Solved:
        """Run another frontend in this session."""
        ...

    def read_file(self, ref: Ref, path: str) -> bytes:
        """Return the content of a file."""
        ...

    def stat_file(self, ref: Ref, path: str) -> Stat | None:
        """Return the file at `path`, or None if there is none. Links are followed, inside the ref."""
        ...

    def list_directory(self, ref: Ref, path: str) -> Mapping[str, str]:
        """Return the names in a directory, in order, with the target of each that is a link, or ""."""
        ...

    def resolve_image(self, ref: str, platform: Platform, *, mode: str, log_name: str) -> ResolvedImage:
        """Return the pinned name and the config of an image."""
        ...

    def warn(
        self,
        digest: str,
        message: str,
        detail: tuple[str, ...] = (),
        *,
        url: str = "",
        source: SourceFile | None = None,
        place: SourceRange | None = None,
    ) -> None:
        """Show a warning at the vertex `digest`. `place` is in the file `source`."""
        ...

    def return_result(self, solved: Solved) -> None:
        """End the request with a result."""
        ...

    def return_error(self, status: status_pb2.Status) -> None:
        """End the request with an error."""
        ...
