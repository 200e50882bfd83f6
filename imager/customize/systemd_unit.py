"""A service of the user's own as a unit of systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.customize.unit_file import command, unit_file, value, variables
from spec.services import NETWORK, RESTART_DELAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.services import ServiceCommand

_TYPES = (".service", ".target", ".socket", ".mount", ".automount", ".swap", ".path", ".timer", ".slice", ".scope")


def unit_of(name: str) -> str:
    """Return the unit that a service stands for: a name without a type is a service."""
    return name if name.endswith(_TYPES) else f"{name}.service"


def unit(name: str, service: ServiceCommand) -> str:
    """Return the unit of a service (systemd.service(5))."""
    return unit_file(
        "services",
        ("Unit", _unit(name, service)),
        ("Service", _service(service)),
        ("Install", [("WantedBy", "multi-user.target")]),
    )


def _unit(name: str, service: ServiceCommand) -> Iterator[tuple[str, str]]:
    others = [unit_of(other) for other in service.after if other != NETWORK]
    if NETWORK in service.after:
        others.append("network-online.target")
    yield "Description", value(service.description or name)
    if others:
        yield "Wants", " ".join(others)
        yield "After", " ".join(others)
    if service.restart != "no":
        yield "StartLimitIntervalSec", "0"


def _service(service: ServiceCommand) -> Iterator[tuple[str, str]]:
    yield "Type", "oneshot" if service.oneshot else "exec"
    if service.oneshot:
        yield "RemainAfterExit", "yes"
    yield "ExecStart", command(service.command)
    for variable, text in (
        ("User", service.user),
        ("Group", service.group),
        ("WorkingDirectory", service.working_directory),
    ):
        if text:
            yield variable, value(text)
    yield from variables(service.env)
    if service.restart != "no":
        yield "Restart", service.restart
        yield "RestartSec", str(RESTART_DELAY)
