"""What can be mounted into a run step, as values. `mount_grammar` reads them from the build file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """A folder or file of `origin` (a named context or an image; empty is the main context).

    What a step writes into a `writable` one is thrown away.
    """

    target: str
    source: str = "."
    origin: str = ""
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMount:
    """A folder that outlives the build. A new one starts as `source` of `origin`, or empty with mode and owner."""

    target: str
    id: str
    sharing: str = "shared"
    readonly: bool = False
    origin: str = ""
    source: str = "."
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfsMount:
    """An empty folder in memory. `size` is in bytes, 0 is no limit."""

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """A secret of the client as the file `target` and the variable `env`; either may be None."""

    id: str
    target: str | None
    env: str | None = None
    required: bool = False
    mode: int = 0o400
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SshMount:
    """An ssh agent of the client as a socket. Without `target` it is /run/buildkit/ssh_agent.N."""

    id: str = "default"
    target: str | None = None
    required: bool = False
    mode: int = 0o600
    uid: int = 0
    gid: int = 0


RunMount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount
