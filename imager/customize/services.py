"""Services: those of the user's own are made for the init system, and all are switched on or off in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import terminal
from imager.core.errors import ImagerError
from imager.customize import openrc_script, startable, systemd_unit
from imager.customize.openrc_switch import OpenrcSwitch
from imager.customize.systemd_switch import SystemdSwitch
from imager.rootfs import initsystem
from imager.rootfs.accounts import Accounts
from imager.rootfs.root import Root
from imager.rootfs.text import write
from spec.services import ServiceCommand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.requests.services import Services

    Switch = SystemdSwitch | OpenrcSwitch

_USER_UNITS = "usr/lib/systemd/user"


def run(request: Services) -> None:
    """Make and switch the services. Raises one ImagerError that names every service that does not exist."""
    root = Root(Path(request.system))
    systemd = initsystem.need(root, "services") == initsystem.SYSTEMD
    own = {name: each for name, each in request.service.items() if isinstance(each, ServiceCommand)}
    _check(root, own)
    for name, each in own.items():
        if systemd:
            unit = systemd_unit.unit_of(name)
            write(root, f"etc/systemd/system/{unit}", systemd_unit.unit(name, each), request.epoch)
        else:
            path = f"etc/init.d/{openrc_script.bare(name)}"
            write(root, path, openrc_script.script(name, each), request.epoch, 0o755)
    missing = _switch(root, SystemdSwitch(root) if systemd else OpenrcSwitch(root), request)
    if missing and request.lenient:
        names = ", ".join(missing)
        terminal.tell(f"imager: warning: this release has no service {names}: the system goes without", error=True)
    elif missing:
        raise ImagerError(f"services: no such service: {', '.join(missing)} ({_hint(root, missing)})")


def _hint(root: Root, missing: list[str]) -> str:
    """Return what to do about services that the system does not have."""
    units = [systemd_unit.unit_of(name) for name in missing]
    of_users = [unit for unit in units if root.file(f"{_USER_UNITS}/{unit}") is not None]
    if of_users:
        names = ", ".join(of_users)
        return (
            f"each user's own systemd has {names}: write `run: [systemctl --global disable {of_users[0]}]`, or enable"
        )
    return "is its package in `packages`?"


def _switch(root: Root, switch: Switch, request: Services) -> list[str]:
    """Switch everything, and return the services that are missing."""
    off: list[str] = []
    on: list[str] = []
    missing = [f"{name} (for {key})" for key in request.needed_by for name in switch.needed_by(key)]
    for name, each in request.service.items():
        start = True if isinstance(each, ServiceCommand) else each.start
        done = switch.off(name) if start is False else switch.on(name, start if isinstance(start, str) else "")
        (off if start is False else on).append(name)
        if not done:
            missing.append(name)
        elif start is not False and not isinstance(each, ServiceCommand):
            _check_program(root, name, lenient=request.lenient)
    for name, rival in request.yielding.items():
        if switch.off(name):
            terminal.tell(f"imager: services: {name} of the preset is off, because {rival} does its work", error=True)
    if not missing:
        switch.stay_off(off, on)
    return missing


def _check_program(root: Root, name: str, *, lenient: bool) -> None:
    """Raise ImagerError for a service that cannot start; a preset's own is only warned about."""
    problem = startable.problem_of_service(root, name)
    if problem and not lenient:
        raise ImagerError(f"services: {name}: {problem}")
    if problem:
        terminal.tell(f"imager: warning: {name} cannot start: {problem}", error=True)


def _check(root: Root, own: Mapping[str, ServiceCommand]) -> None:
    accounts = Accounts.load(root)
    for name, service in own.items():
        problem = startable.problem_of_program(root, service.command[0], service.env.get("LD_LIBRARY_PATH", ""))
        if problem:
            raise ImagerError(f"services: {name}: {problem}")
        if service.user and accounts.passwd.get(service.user) is None:
            raise ImagerError(f"services: {name}: there is no user {service.user}: name it in `users`")
        if service.group and accounts.group.get(service.group) is None:
            raise ImagerError(f"services: {name}: there is no group {service.group}: name it in `groups`")
