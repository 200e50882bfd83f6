"""The mounts of an exec: bind, cache, tmpfs, secret, ssh."""

from __future__ import annotations

from dataclasses import dataclass

from . import checks
from .errors import LlbError
from .state import State

SHARING_MODES = ("shared", "private", "locked")
_SCRATCH = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A tree mounted at `target`, or the part of it at `selector`.

    Prefer read-only with a selector: then only what is mounted decides whether the step runs again. What is
    written to a writable one is an output of the step (`ExecResult.mount`), or thrown away without `keep`.
    """

    target: str
    source: State
    selector: str = ""
    readonly: bool = True
    keep: bool = True

    def __post_init__(self) -> None:
        _below_root(self.target)
        checks.text("the selector of a mount", self.selector)

    @property
    def has_output(self) -> bool:
        """Whether the content of the mount after the step is a result."""
        return self.keep and not self.readonly


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A directory that outlives the build and is part of no result. The engine may empty it at any time.

    `sharing` is shared (several steps write at a time), private (each gets its own) or locked (they wait).
    `source` is what a new cache starts with.
    """

    target: str
    id: str
    sharing: str = "shared"
    source: State = _SCRATCH
    selector: str = ""

    def __post_init__(self) -> None:
        _below_root(self.target)
        checks.text("the selector of a mount", self.selector)
        checks.choice("sharing", self.sharing, SHARING_MODES)
        if not self.id:
            raise LlbError(f"the cache mount at {self.target} needs an id")
        checks.text("the id of a cache mount", self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tmpfs:
    """An empty directory in memory, gone after the step. `size` is its limit in bytes, 0 is none."""

    target: str
    size: int = 0

    def __post_init__(self) -> None:
        _below_root(self.target)
        if not 0 <= self.size < 1 << 63:
            raise LlbError(f"the size of a tmpfs mount is a number of bytes, not {self.size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """The client's secret `id` as a file. Its content is no part of the cache key."""

    target: str
    id: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o400
    optional: bool = False

    def __post_init__(self) -> None:
        _below_root(self.target)
        if not self.id:
            raise LlbError(f"the secret mount at {self.target} needs an id")
        _check_owner("secret", self.id, self.uid, self.gid, self.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssh:
    """The client's ssh agent `id` as a socket. Without `target` it is /run/buildkit/ssh_agent.N."""

    target: str = ""
    id: str = "default"
    uid: int = 0
    gid: int = 0
    mode: int = 0o600
    optional: bool = False

    def __post_init__(self) -> None:
        if self.target:
            _below_root(self.target)
        _check_owner("ssh", self.id, self.uid, self.gid, self.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEnv:
    """The client's secret `id` as the environment variable `name`."""

    name: str
    id: str
    optional: bool = False

    def __post_init__(self) -> None:
        if not self.id or not self.name or "=" in self.name:
            raise LlbError(f"a secret variable needs a name without '=' and an id, not {self.name!r}, {self.id!r}")
        checks.text("the name of a secret variable", self.name)
        checks.text("the id of a secret", self.id)


Mount = Bind | Cache | Tmpfs | Secret | Ssh


def _below_root(target: str) -> None:
    if checks.absolute("the target of a mount", target) == "/":
        raise LlbError("a mount cannot replace the root: the state that runs the step is the root")


def _check_owner(kind: str, name: str, uid: int, gid: int, mode: int) -> None:
    checks.text(f"the id of a {kind} mount", name)
    checks.identifier(f"uid of the {kind} mount {name!r}", uid)
    checks.identifier(f"gid of the {kind} mount {name!r}", gid)
    checks.mode(f"mode of the {kind} mount {name!r}", mode, 0o7777)
