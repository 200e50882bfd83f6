"""What runs once the system is up: the key `services`."""

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
    """A service that a package brings."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SERVICE
    SHORT: ClassVar[str] = "start"
    CHOSEN_BY: ClassVar[str] = "start"
    start: words.ServiceStart = key(
        "`true` or `false`: whether it starts at boot; or the OpenRC runlevel that it starts in.", "boot"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCommand:
    """A service of your own: a systemd unit or an OpenRC script is made of it, and it starts at boot."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SERVICE
    CHOSEN_BY: ClassVar[str] = "command"
    command: programs.CommandLine = key(
        "The program with its arguments, in quotes where they hold spaces. No shell reads it: nothing is expanded; "
        "`/bin/sh -c '...'` starts one.",
        "/usr/local/bin/agent --stdio",
    )
    user: words.UserName | None = key("The user that it runs as. Default: root.", "agent", default=None)
    group: words.UserName | None = key("The group that it runs as. Default: that of the user.", "agent", default=None)
    restart: Literal["always", "on-failure", "no"] = key(
        "When it is started again: `always`, `on-failure` or `no`. OpenRC knows no difference between the first two.",
        "always",
        default="no",
    )
    after: tuple[words.Service, ...] = key(
        "What is started before it; `net` is the network.", "[net, postgresql]", default=(), unique=True
    )
    env: Mapping[words.Variable, programs.Line] = key(
        "Its environment variables. Everyone can read them in the image.", "{LANG: C.UTF-8}", default=NOTHING
    )
    working_directory: paths.ProgramPath | None = key("Where it is started. Default: /.", "/srv", default=None)
    description: words.Title | None = key("What it is, for the boot messages.", "Edge agent", default=None)
    oneshot: bool = key("Whether it ends by itself: what comes after it then waits for its end.", "true", default=False)


Service = ServiceSwitch | ServiceCommand
