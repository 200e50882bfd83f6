"""Running a program: ExecOp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from . import checks
from .errors import LlbError
from .mounts import Bind, Cache, Mount, SecretEnv, Ssh, encode_mount, in_order, mount_caps
from .op import Inputs, Op, State
from .platform import Platform
from .vertex import Vertex, VertexOptions

if TYPE_CHECKING:
    from proto import ops_pb2

NETWORK_MODES = ("default", "none", "host")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """The client's proxy variables for a step. They are not part of the cache key."""

    http: str = ""
    https: str = ""
    ftp: str = ""
    no: str = ""
    all: str = ""


class ExecOptions(VertexOptions, total=False):
    """Keyword arguments of `execute`.

    A step inherits nothing from an image's config: the program gets only `env`, `cwd` and `user`, plus a PATH if
    `env` has none. If `env` repeats a name, the last value wins. `platform` defaults to that of the state.
    `extra_hosts` are (name, address), `ulimits` are (name, soft, hard). With `readonly_root` the root is read-only
    and not an output. `valid_exit_codes` count as success; if empty, only 0 does.
    """

    env: Sequence[tuple[str, str]]
    cwd: str
    user: str
    network: str
    mounts: Sequence[Mount]
    readonly_root: bool
    secret_env: Sequence[SecretEnv]
    extra_hosts: Sequence[tuple[str, str]]
    hostname: str | None
    ulimits: Sequence[tuple[str, int, int]]
    cgroup_parent: str | None
    proxy: Proxy | None
    platform: Platform | None
    valid_exit_codes: Sequence[int]


@dataclass(frozen=True, eq=False, repr=False, slots=True, kw_only=True)
class ExecOp(Op):
    """A program run in the tree `root`. Made by `execute`; `mounts` are in wire order."""

    kind = "exec"

    root: State
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    user: str
    network: str
    mounts: tuple[Mount, ...]
    readonly_root: bool
    secret_env: tuple[SecretEnv, ...]
    extra_hosts: tuple[tuple[str, str], ...]
    hostname: str
    ulimits: tuple[tuple[str, int, int], ...]
    cgroup_parent: str
    proxy: Proxy | None
    valid_exit_codes: tuple[int, ...]

    def parents(self) -> tuple[State, ...]:
        """See `Op.parents`."""
        return (self.root, *(mount.source for mount in self.mounts if isinstance(mount, Bind | Cache)))

    def wire_platform(self) -> Platform | None:
        """See `Op.wire_platform`."""
        return self.platform

    def output(self, target: str) -> int | None:
        """Return the output number of the writable tree at `target`, or None if there is none.

        BuildKit appends results in mount order, so outputs must be numbered in that order.
        """
        kept = (mount.target for mount in self.mounts if isinstance(mount, Bind) and mount.has_output)
        outputs = tuple(kept) if self.readonly_root else ("/", *kept)
        return outputs.index(target) if target in outputs else None

    def caps(self) -> frozenset[str]:
        """See `Op.caps`."""
        needs = {
            "exec.meta.base": True,
            "exec.mount.bind": True,  # the root
            "exec.meta.setsdefaultpath": all(key != "PATH" for key, _ in self.env),
            "exec.meta.network": self.network != "default",
            "exec.meta.proxyenv": self.proxy,
            "exec.meta.ulimit": self.ulimits,
            "exec.meta.cgroup.parent": self.cgroup_parent,
            "exec.secretenv": self.secret_env,
            "exec.validexitcode": self.valid_exit_codes,
        }
        own = frozenset(cap for cap, used in needs.items() if used)
        return own.union(*map(mount_caps, self.mounts))

    def encode(self, inputs: Inputs) -> ops_pb2.Op:
        """See `Op.encode`."""
        from proto import ops_pb2

        network = {"default": ops_pb2.UNSET, "none": ops_pb2.NONE, "host": ops_pb2.HOST}
        op = ops_pb2.ExecOp(meta=_meta(self), network=network[self.network])
        op.mounts.add(input=inputs.share(self.root), dest="/", output=self._number("/"), readonly=self.readonly_root)
        # One input per distinct tree, numbered in mount order.
        op.mounts.extend(encode_mount(mount, self._number(mount.target), inputs) for mount in self.mounts)
        for secret in self.secret_env:
            op.secretenv.add(ID=secret.id, name=secret.name, optional=secret.optional)
        return ops_pb2.Op(exec=op)

    def _number(self, target: str) -> int:
        number = self.output(target)
        return -1 if number is None else number


@dataclass(frozen=True, slots=True)
class ExecResult:
    """The result of a program: the root it ran in, and its writable mounts."""

    op: ExecOp

    @property
    def root(self) -> State:
        """The root after the program ran. Raises `LlbError` if it was read-only."""
        if self.op.readonly_root:
            raise LlbError(f"step {self.op.vertex.name!r} has a read-only root: use the output of a mount")
        return State(self.op, 0)

    def mount(self, target: str) -> State:
        """Return the content of the writable bind mount at `target`. Raises `LlbError` if there is none."""
        number = self.op.output(checks.absolute("the target of a mount", target))
        if number is None:
            raise LlbError(f"step {self.op.vertex.name!r} keeps no writable bind mount at {target}")
        return State(self.op, number)


def execute(root: State, args: Sequence[str], **options: Unpack[ExecOptions]) -> ExecResult:
    """Run the program `args` with the tree `root` as root directory. See `ExecOptions`."""
    platform = options.get("platform") or root.platform
    mounts = in_order(options.get("mounts", ()))
    op = ExecOp(
        vertex=Vertex.of(options),
        platform=platform.normalized() if platform else None,
        root=root,
        args=tuple(checks.text("an argument", arg) for arg in args),
        env=_environment(options.get("env", ()), mounts),
        cwd=checks.absolute("the working directory", options.get("cwd", "/")),
        user=checks.text("the user", options.get("user", "")),
        network=checks.choice("network", options.get("network", "default"), NETWORK_MODES),
        mounts=mounts,
        readonly_root=options.get("readonly_root", False),
        secret_env=tuple(options.get("secret_env", ())),
        extra_hosts=tuple(options.get("extra_hosts", ())),
        hostname=checks.text("the step's host name", options.get("hostname") or ""),
        ulimits=tuple(options.get("ulimits", ())),
        cgroup_parent=options.get("cgroup_parent") or "",
        proxy=options.get("proxy"),
        valid_exit_codes=tuple(options.get("valid_exit_codes", ())),
    )
    if not op.args or not op.args[0]:
        raise LlbError("a step needs a program to run, but its arguments are empty")
    if any(not 0 <= code <= 255 for code in op.valid_exit_codes):
        raise LlbError(f"exit codes must be between 0 and 255; got {', '.join(map(str, op.valid_exit_codes))}")
    return ExecResult(op)


def _environment(env: Sequence[tuple[str, str]], mounts: Sequence[Mount]) -> tuple[tuple[str, str], ...]:
    result: dict[str, str] = {}
    for key, value in env:
        if not key or "=" in key:
            raise LlbError(f"a variable's name must not be empty or contain '='; got {key!r}")
        # Like BuildKit's own client: the last value wins and takes the last position.
        result.pop(checks.text("a variable's name", key), None)
        result[key] = checks.text(f"variable {key}", value)
    agents = [mount.target for mount in mounts if isinstance(mount, Ssh)]
    if agents:
        result.setdefault("SSH_AUTH_SOCK", agents[0])
    return tuple(result.items())


def _meta(op: ExecOp) -> ops_pb2.Meta:
    from proto import ops_pb2

    meta = ops_pb2.Meta(
        args=op.args,
        env=[f"{key}={value}" for key, value in op.env],
        cwd=op.cwd,
        user=op.user,
        hostname=op.hostname,
        cgroupParent=op.cgroup_parent,
        # Keep the empty directories made for mount points out of the result. Engines before 0.11 ignore the field,
        # so this needs no capability.
        removeMountStubsRecursive=True,
        validExitCodes=op.valid_exit_codes,
    )
    if op.proxy:
        proxy = op.proxy
        meta.proxy_env.CopyFrom(
            ops_pb2.ProxyEnv(
                http_proxy=proxy.http,
                https_proxy=proxy.https,
                ftp_proxy=proxy.ftp,
                no_proxy=proxy.no,
                all_proxy=proxy.all,
            )
        )
    for host, address in op.extra_hosts:
        meta.extraHosts.add(Host=host, IP=address)
    for name, soft, hard in op.ulimits:
        meta.ulimit.add(Name=name, Soft=soft, Hard=hard)
    return meta
