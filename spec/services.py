"""Services of the running system: the key `services`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from . import hints
from .keys import NOTHING, key

if TYPE_CHECKING:
    from .values import paths, programs, words


RUNLEVELS = ("sysinit", "boot", "default", "nonetwork", "shutdown")
"""Those of OpenRC. Others are directories in /etc/runlevels."""
DEFAULT_RUNLEVEL = "default"
NETWORK = "net"
"""What `after` calls the network."""
RESTART_DELAY = 1
"""Seconds until a service that ended is started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSwitch:
    """A service of a package."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SERVICE
    SHORT: ClassVar[str] = "start"
    CHOSEN_BY: ClassVar[str] = "start"
    start: words.ServiceStart = key(
        "`true` or `false`: whether it starts at boot; or the OpenRC runlevel in which it starts.", "boot"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCommand:
    """A service of your own. It becomes a systemd unit or an OpenRC script, and starts at boot."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SERVICE
    CHOSEN_BY: ClassVar[str] = "command"
    command: programs.CommandLine = key(
        "The program with its arguments. Put quotes around arguments with spaces. No shell runs it and nothing is "
        "expanded; for a shell, write `/bin/sh -c '...'`.",
        "/usr/local/bin/agent --stdio",
    )
    user: words.UserName | None = key("The user that runs it. Default: root.", "agent", default=None)
    group: words.UserName | None = key("The group that runs it. Default: the group of the user.", "agent", default=None)
    restart: Literal["always", "on-failure", "no"] = key(
        "When it is restarted: `always`, `on-failure` or `no`. OpenRC does not distinguish the first two.",
        "always",
        default="no",
    )
    after: tuple[words.Service, ...] = key(
        "Services that start before it; `net` is the network.", "[net, postgresql]", default=(), unique=True
    )
    env: Mapping[words.Variable, programs.Line] = key(
        "Environment variables. Anyone can read them in the image.", "{LANG: C.UTF-8}", default=NOTHING
    )
    working_directory: paths.ProgramPath | None = key(
        "The directory in which it starts. Default: /.", "/srv", default=None
    )
    description: words.Title | None = key("A description for boot messages.", "Edge agent", default=None)
    oneshot: bool = key(
        "Whether it exits after its work. Services after it wait until it exits.", "true", default=False
    )


Service = ServiceSwitch | ServiceCommand
