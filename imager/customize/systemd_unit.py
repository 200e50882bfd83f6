"""A service of the user's own as a unit of systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.rootfs.text import unit_word
from spec.services import NETWORK, RESTART_DELAY

if TYPE_CHECKING:
    from spec.services import ServiceCommand

_TYPES = (".service", ".target", ".socket", ".mount", ".path", ".timer")


def unit_of(name: str) -> str:
    """Return the unit that a service stands for: a name without a type is a service."""
    return name if name.endswith(_TYPES) else f"{name}.service"


def unit(name: str, service: ServiceCommand) -> str:
    """Return the unit of a service (systemd.service(5))."""
    others = [unit_of(other) for other in service.after if other != NETWORK]
    if NETWORK in service.after:
        others.append("network-online.target")
    lines = ["# By Claylinux, from the key `services`.", "[Unit]"]
    lines.append(f"Description={(service.description or name).replace('%', '%%')}")
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
    if service.working_directory:
        lines.append(f"WorkingDirectory={service.working_directory.replace('%', '%%')}")
    lines += [f"Environment={unit_word(f'{variable}={value}')}" for variable, value in sorted(service.env.items())]
    if service.restart != "no":
        lines += [f"Restart={service.restart}", f"RestartSec={RESTART_DELAY}"]
    lines += ["", "[Install]", "WantedBy=multi-user.target"]
    return "\n".join(lines) + "\n"
