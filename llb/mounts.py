"""The mounts of an exec: bind, cache, tmpfs, secret, ssh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import checks
from .errors import LlbError
from .op import Inputs, State

if TYPE_CHECKING:
    from proto import ops_pb2

SHARING_MODES = ("shared", "private", "locked")
_SCRATCH = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A tree mounted at `target`, or the part of it at `selector`.

    Prefer a read-only mount with a selector: then the step runs again only if the mounted part changes. A writable
    mount is an output of the step (`ExecResult.mount`); without `keep` its changes are thrown away. `by_content` says
    whether the cache key of the step contains the hash of the mounted content or the way it was made; None leaves
    that to BuildKit (solver/llbsolver/ops/exec.go), which hashes read-only mounts.
    """

    target: str
    source: State
    selector: str = ""
    readonly: bool = True
    keep: bool = True
    by_content: bool | None = None

    def __post_init__(self) -> None:
        _below_root(self.target)
        checks.text("the selector of a mount", self.selector)

    @property
    def has_output(self) -> bool:
        """Whether the step has the content of the mount as a result."""
        return self.keep and not self.readonly


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A directory that outlives the build and is not part of any result. The engine may empty it at any time.

    `sharing` is shared (several steps write at once), private (each step gets its own) or locked (steps wait).
    A new cache starts with the content of `source`. `readonly` forbids writing.
    """

    target: str
    id: str
    sharing: str = "shared"
    readonly: bool = False
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
    """An empty directory in memory that disappears after the step. `size` is its limit in bytes, 0 for none."""

    target: str
    size: int = 0

    def __post_init__(self) -> None:
        _below_root(self.target)
        if not 0 <= self.size < 1 << 63:
            raise LlbError(f"the size of a tmpfs mount must be a number of bytes; got {self.size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """The client's secret `id` as a file. Its content is not part of the cache key."""

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
    """The client's ssh agent `id` as a socket. `target` defaults to /run/buildkit/ssh_agent.N."""

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
    """The client's secret `id` as environment variable `name`."""

    name: str
    id: str
    optional: bool = False

    def __post_init__(self) -> None:
        if not self.id or not self.name or "=" in self.name:
            raise LlbError(f"a secret variable needs a name without '=' and an id; got {self.name!r}, {self.id!r}")
        checks.text("the name of a secret variable", self.name)
        checks.text("the id of a secret", self.id)


Mount = Bind | Cache | Tmpfs | Secret | Ssh


def in_order(mounts: Sequence[Mount]) -> tuple[Mount, ...]:
    """Return the mounts in the order of BuildKit's own client: by target, then secrets, then ssh.

    Each target is in its shortest form. Raises `LlbError` if two mounts have the same target.
    """
    trees: list[Mount] = []
    secrets: list[Mount] = []
    sockets: list[Mount] = []
    for mount in mounts:
        match mount:
            case Secret():
                secrets.append(_cleaned(mount))
            case Ssh():
                target = mount.target or f"/run/buildkit/ssh_agent.{len(sockets)}"
                sockets.append(_cleaned(replace(mount, target=target)))
            case Bind() | Cache() | Tmpfs():
                trees.append(_cleaned(mount))
    ordered = (*sorted(trees, key=lambda mount: mount.target), *secrets, *sockets)
    seen: set[str] = set()
    for mount in ordered:
        if mount.target in seen:
            raise LlbError(f"two mounts have the same target {mount.target}")
        seen.add(mount.target)
    return ordered


def mount_caps(mount: Mount) -> frozenset[str]:
    """Return the capabilities that `mount` needs."""
    needs: dict[str, object]
    match mount:
        case Bind():
            needs = {
                "exec.mount.bind": True,
                "exec.mount.bind.readwrite-nooutput": not mount.readonly and not mount.keep,
                "exec.mount.selector": mount.selector,
            }
        case Cache():
            needs = {
                "exec.mount.cache": True,
                "exec.mount.cache.sharing": True,
                "exec.mount.selector": mount.selector,
            }
        case Tmpfs():
            needs = {"exec.mount.tmpfs": True, "exec.mount.tmpfs.size": mount.size}
        case Secret():
            needs = {"exec.mount.secret": True}
        case Ssh():
            needs = {"exec.mount.ssh": True}
    return frozenset(cap for cap, used in needs.items() if used)


def encode_mount(mount: Mount, output: int, inputs: Inputs) -> ops_pb2.Mount:
    """Return the wire message; `output` is the number of the output, or -1."""
    from proto import ops_pb2

    result = ops_pb2.Mount(input=-1, dest=mount.target, output=output)
    match mount:
        case Bind():
            result.input = inputs.share(mount.source)
            result.selector = mount.selector
            result.readonly = mount.readonly
            if mount.by_content is not None:
                result.contentCache = ops_pb2.ON if mount.by_content else ops_pb2.OFF
        case Cache():
            sharing = {"shared": ops_pb2.SHARED, "private": ops_pb2.PRIVATE, "locked": ops_pb2.LOCKED}
            result.input = inputs.share(mount.source)
            result.selector = mount.selector
            result.readonly = mount.readonly
            result.mountType = ops_pb2.CACHE
            result.cacheOpt.CopyFrom(ops_pb2.CacheOpt(ID=mount.id, sharing=sharing[mount.sharing]))
        case Tmpfs():
            result.mountType = ops_pb2.TMPFS
            result.TmpfsOpt.CopyFrom(ops_pb2.TmpfsOpt(size=mount.size))
        case Secret(id=name, uid=uid, gid=gid, mode=mode, optional=optional):
            result.mountType = ops_pb2.SECRET
            secret = ops_pb2.SecretOpt(ID=name, uid=uid, gid=gid, mode=mode, optional=optional)
            result.secretOpt.CopyFrom(secret)
        case Ssh(id=name, uid=uid, gid=gid, mode=mode, optional=optional):
            result.mountType = ops_pb2.SSH
            result.SSHOpt.CopyFrom(ops_pb2.SSHOpt(ID=name, uid=uid, gid=gid, mode=mode, optional=optional))
    return result


def _cleaned(mount: Mount) -> Mount:
    return replace(mount, target=checks.absolute("the target of a mount", mount.target))


def _below_root(target: str) -> None:
    if checks.absolute("the target of a mount", target) == "/":
        raise LlbError("a mount cannot replace the root directory: choose a target below /")


def _check_owner(kind: str, name: str, uid: int, gid: int, mode: int) -> None:
    checks.text(f"the id of a {kind} mount", name)
    checks.identifier(f"uid of the {kind} mount {name!r}", uid)
    checks.identifier(f"gid of the {kind} mount {name!r}", gid)
    checks.mode(f"mode of the {kind} mount {name!r}", mode, 0o7777)
