"""Services of the user's own, as a unit of systemd or a script of OpenRC: what the init system of the system reads.

Each service is a JSON object; `name` and `command` are needed:

    name                what it is called
    command             the program and its arguments
    user, group         who it runs as
    restart             always, on-failure or no (the default)
    after               what starts before it; `net` is the network
    env                 {variable: value}
    working_directory   where it starts
    description         for the boot messages
    oneshot             true: it ends by itself
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs import initsystem
from imager.rootfs.accounts import Accounts
from imager.rootfs.root import Root
from imager.rootfs.text import unit_word, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager import contract

NETWORK = "net"
_UNIT_TYPES = (".service", ".target", ".socket", ".mount", ".path", ".timer")
_RESTART_DELAY = 1
"""Seconds until a service that ended is started again."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service as asked."""

    name: str
    command: list[str]
    user: str = ""
    group: str = ""
    restart: str = "no"
    after: list[str] = field(default_factory=list)
    env: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = "/"
    description: str = ""
    oneshot: bool = False


def run(request: contract.Services) -> None:
    """Write what makes every service known to the init system."""
    root = Root(Path(request.system))
    init = initsystem.need(root, "services")
    accounts = Accounts.load(root)
    for text in request.service:
        service = Service(**json.loads(text))
        _check(root, accounts, service)
        if init == initsystem.SYSTEMD:
            name = _unit(service.name)
            write(root, f"etc/systemd/system/{name}", unit(service), request.epoch)
        else:
            write(root, f"etc/init.d/{_bare(service.name)}", script(service), request.epoch, 0o755)


def _check(root: Root, accounts: Accounts, service: Service) -> None:
    program = root.file(service.command[0])
    if program is None:
        raise ImagerError(
            f"services: {service.name}: the program {service.command[0]} is not in the system: add it with `files`, "
            "or the package that has it"
        )
    if not program.stat().st_mode & 0o111:
        raise ImagerError(f"services: {service.name}: {service.command[0]} may not be run: give it `mode: '0755'`")
    if service.user and accounts.passwd.get(service.user) is None:
        raise ImagerError(f"services: {service.name}: there is no user {service.user}: name it in `users`")
    if service.group and accounts.group.get(service.group) is None:
        raise ImagerError(f"services: {service.name}: there is no group {service.group}: name it in `groups`")


def unit(service: Service) -> str:
    """Give the unit of a service (systemd.service(5))."""
    others = [_unit(name) for name in service.after if name != NETWORK]
    if NETWORK in service.after:
        others.append("network-online.target")
    lines = ["# By Claylinux, from the key `services`.", "[Unit]"]
    lines.append(f"Description={(service.description or service.name).replace('%', '%%')}")
    if others:
        lines += [f"Wants={' '.join(others)}", f"After={' '.join(others)}"]
    if service.restart != "no":
        lines.append("StartLimitIntervalSec=0")
    lines += ["", "[Service]", f"Type={'oneshot' if service.oneshot else 'exec'}"]
    if service.oneshot:
        lines.append("RemainAfterExit=yes")
    lines.append(f"ExecStart={' '.join(unit_word(word, command=True) for word in service.command)}")
    if service.user:
        lines.append(f"User={service.user}")
    if service.group:
        lines.append(f"Group={service.group}")
    if service.working_directory != "/":
        lines.append(f"WorkingDirectory={service.working_directory.replace('%', '%%')}")
    lines += [f"Environment={unit_word(f'{name}={value}')}" for name, value in sorted(service.env.items())]
    if service.restart != "no":
        lines += [f"Restart={service.restart}", f"RestartSec={_RESTART_DELAY}"]
    lines += ["", "[Install]", "WantedBy=multi-user.target"]
    return "\n".join(lines) + "\n"


def script(service: Service) -> str:
    """Give the script of a service (openrc-run(8)).

    supervise-daemon(8) starts a service again however it ended: `on-failure` is `always` here.
    """
    owner = ":".join(filter(None, (service.user or ("root" if service.group else ""), service.group)))
    description = service.description or service.name
    values, arguments = _arguments(service.command[1:])
    values |= {
        "name": service.name,
        "description": description,
        "command": service.command[0],
        "command_args": arguments,
        "command_user": owner,
        "directory": "" if service.working_directory == "/" else service.working_directory,
        "pidfile": "/run/${RC_SVCNAME}.pid",
    }
    lines = ["#!/sbin/openrc-run", "# By Claylinux, from the key `services`."]
    for name, value in values.items():
        if name == "pidfile":
            lines.append(f'{name}="{value}"')
        elif value:
            lines.append(f"{name}={shlex.quote(value)}")
    if service.restart != "no":
        lines += ["supervisor=supervise-daemon", f"respawn_delay={_RESTART_DELAY}", "respawn_max=0"]
    elif not service.oneshot:
        lines.append("command_background=yes")
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(service.env.items())]
    others = [_bare(name) for name in service.after if name != NETWORK]
    depends = ([f"\tneed {NETWORK}"] if NETWORK in service.after else []) + (
        [f"\twant {' '.join(others)}", f"\tafter {' '.join(others)}"] if others else []
    )
    if depends:
        lines += ["", "depend() {", *depends, "}"]
    if service.oneshot:
        # rc-status calls a service crashed when a program that it started is gone: here that is as it should be.
        lines += ["", "start_post() {", '\trm -rf "$RC_SVCDIR/daemons/$RC_SVCNAME"', "}"]
        lines += ["", "stop() {", "\treturn 0", "}"]
    return "\n".join(lines) + "\n"


def _arguments(words: list[str]) -> tuple[dict[str, str], str]:
    """Give the variables that hold words with special characters, and the text for `command_args`.

    OpenRC splits that text at blanks and joins it again before it evaluates it, which would change such words.
    """
    values: dict[str, str] = {}
    text = []
    for number, word in enumerate(words, 1):
        text.append(shlex.quote(word))
        if word and text[-1] != word:
            values[f"argument_{number}"] = word
            text[-1] = f'"$argument_{number}"'
    return values, " ".join(text)


def _unit(name: str) -> str:
    return name if name.endswith(_UNIT_TYPES) else f"{name}.service"


def _bare(name: str) -> str:
    return name.removesuffix(".service")
