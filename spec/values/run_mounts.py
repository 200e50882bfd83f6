"""The kinds of mounts of a run step. `mount_grammar` reads them from the build file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """A directory or file of `origin`: a named context or an image; empty for the main context.

    Changes to a `writable` mount are discarded after the step.
    """

    target: str
    source: str = "."
    origin: str = ""
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMount:
    """A directory that outlives the build. A new one is a copy of `source` in `origin`, or is empty."""

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
    """An empty directory in memory. `size` is in bytes; 0 means no limit."""

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """A secret of the client, as the file `target` and the variable `env`. Either may be None."""

    id: str
    target: str | None
    env: str | None = None
    required: bool = False
    mode: int = 0o400
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SshMount:
    """An SSH agent of the client, as a socket. The default of `target` is /run/buildkit/ssh_agent.N."""

    id: str = "default"
    target: str | None = None
    required: bool = False
    mode: int = 0o600
    uid: int = 0
    gid: int = 0


RunMount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount
