"""A service of the user's own as a script of OpenRC."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from spec.services import NETWORK, RESTART_DELAY

if TYPE_CHECKING:
    from spec.services import ServiceCommand


def bare(name: str) -> str:
    """Return the name of a service without the ending that systemd gives it."""
    return name.removesuffix(".service")


def script(name: str, service: ServiceCommand) -> str:
    """Return the script of a service (openrc-run(8)).

    supervise-daemon(8) starts a service again however it ended: `on-failure` is `always` here.
    """
    owner = ":".join(filter(None, (service.user or ("root" if service.group else ""), service.group)))
    description = service.description or name
    values, arguments = _arguments(service.command[1:])
    values |= {
        "name": bare(name),
        "description": description,
        "command": service.command[0],
        "command_args": arguments,
        "command_user": owner,
        "directory": service.working_directory or "",
        "pidfile": "/run/${RC_SVCNAME}.pid",
    }
    lines = ["#!/sbin/openrc-run", "# By Claylinux, from the key `services`."]
    for variable, value in values.items():
        if variable == "pidfile":
            lines.append(f'{variable}="{value}"')
        elif value:
            lines.append(f"{variable}={shlex.quote(value)}")
    if service.restart != "no":
        lines += ["supervisor=supervise-daemon", f"respawn_delay={RESTART_DELAY}", "respawn_max=0"]
    elif not service.oneshot:
        lines.append("command_background=yes")
    lines += [f"export {variable}={shlex.quote(value)}" for variable, value in sorted(service.env.items())]
    others = [bare(other) for other in service.after if other != NETWORK]
    depends = ([f"\tneed {NETWORK}"] if NETWORK in service.after else []) + (
        [f"\twant {' '.join(others)}", f"\tafter {' '.join(others)}"] if others else []
    )
    if depends:
        lines += ["", "depend() {", *depends, "}"]
    if service.oneshot:
        # A program of a oneshot service ends. Without this, rc-status would call the service crashed.
        lines += ["", "start_post() {", '\trm -rf "$RC_SVCDIR/daemons/$RC_SVCNAME"', "}"]
        lines += ["", "stop() {", "\treturn 0", "}"]
    return "\n".join(lines) + "\n"


def _arguments(words: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """Return the variables that hold words with special characters, and the text for `command_args`.

    OpenRC splits that text at blanks and joins it again before it evaluates it, which would change such words.
    """
    values: dict[str, str] = {}
    text = []
    for number, word in enumerate(words, 1):
        quoted = shlex.quote(word)
        if word and quoted != word:
            values[f"argument_{number}"] = word
            quoted = f'"$argument_{number}"'
        text.append(quoted)
    return values, " ".join(text)
