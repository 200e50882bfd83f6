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

ESSENTIAL: Mapping[str, str] = {
    "-.mount": "it is the system itself",
    "-.slice": "everything runs in it",
    "init.scope": "systemd itself runs in it",
    "system.slice": "all services run in it",
    "basic.target": "all services wait for it",
    "sysinit.target": "all services wait for it",
    "local-fs.target": "the boot waits for it",
    "sockets.target": "the boot waits for it",
    "multi-user.target": "the services of the system start with it",
    "default.target": "the system boots to it",
    "shutdown.target": "the system could not be powered off",
    "umount.target": "the system could not be powered off",
    "systemd-journald.service": "services write their output to it",
    "systemd-journald.socket": "services write their output to it",
    "systemd-journald-dev-log.socket": "programs write their messages to it",
    "systemd-tmpfiles-setup.service": "it makes the directories in /run and /var that services need",
    "systemd-tmpfiles-setup-dev.service": "it makes files in /dev that programs need",
    "systemd-udevd.service": "disks and network cards would not be found",
    "systemd-udevd-control.socket": "systemd-udevd needs it",
    "systemd-udevd-kernel.socket": "systemd-udevd needs it",
}
"""The units of systemd that no system can be without, and why."""
NEEDED_BY: Mapping[str, str] = {
    "dbus.service": "systemd-logind.service",
    "dbus.socket": "systemd-logind.service",
    "dbus-broker.service": "systemd-logind.service",
}
"""What others need although their unit files do not say so."""


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
