"""What runs once the system is up: the key `services`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import llb
from frontend.config.rules.presets import RUNLEVELS
from frontend.options import DEFAULT_EPOCH
from imager import contract
from spec.services import ServiceCommand, ServiceSwitch

from . import places
from .inputs import PlanInputs
from .packages import preset_of
from .steps import SYSTEM, Step, compact_json, run_imager, run_in_system, tree

_FUNCTIONS = f"""\
if command -v systemctl >/dev/null 2>&1; then
  on() {{
    if [ $# -gt 1 ]; then
      echo "claylinux: services: $1: systemd has no runlevels: write true instead of $2" >&2
      exit 1
    fi
    SYSTEMD_OFFLINE=1 systemctl --quiet enable -- "$1"
  }}
  off() {{ SYSTEMD_OFFLINE=1 systemctl --quiet disable -- "$1"; }}
  needed_by_mounts() {{ :; }}
  needed_by_network() {{ ! ls /etc/systemd/network/10-claylinux-* >/dev/null 2>&1 || on systemd-networkd; }}
elif command -v rc-update >/dev/null 2>&1; then
  on() {{
    [ -e "/etc/init.d/$1" ] || return
    if [ $# -eq 1 ]; then
      # It may have its runlevel already, of the preset or in a base image.
      [ -z "$(find /etc/runlevels -name "$1")" ] || return 0
    else
      case $2 in
      {"|".join(RUNLEVELS)}) ;;
      *)
        [ -d "/etc/runlevels/$2" ] || {{
          echo "claylinux: services: $1: there is no runlevel $2 in /etc/runlevels: {", ".join(RUNLEVELS)}?" >&2
          exit 1
        }}
      esac
      find /etc/runlevels -name "$1" -exec rm {{}} +
    fi
    mkdir -p "/etc/runlevels/${{2-default}}"
    rc-update -q add "$1" "${{2-default}}"
  }}
  off() {{
    [ -e "/etc/init.d/$1" ] && find /etc/runlevels -name "$1" -exec rm {{}} +
  }}
  needed_by_mounts() {{
    for service in claylinux-filesystems fsck localmount; do
      [ ! -e "/etc/init.d/$service" ] || on "$service" boot || return
    done
    [ ! -e /etc/init.d/netmount ] || ! grep -q _netdev /etc/fstab || on netmount default
  }}
  needed_by_network() {{ on networking boot; }}
else
  echo 'claylinux: services: this system has neither systemd nor OpenRC' >&2
  exit 1
fi
"""
"""What the init system of the base calls for: `on`, `off`, and the services that other keys need."""


def set_services(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with its services set."""
    spec = inputs.spec
    system = _add_own(inputs, system)
    wanted: dict[str, bool | str] = {
        name: service.start if isinstance(service, ServiceSwitch) else True for name, service in spec.services.items()
    }
    needed = [key for key in ("mounts", "network") if getattr(spec, key)]
    if not wanted and not needed:
        return system
    first = "services" if spec.services else needed[0]
    title = " ".join(name if start else f"no {name}" for name, start in sorted(wanted.items())) or " ".join(needed)
    step = Step(f"[services] {title}", places.at(spec, first), ("services",))
    return run_in_system(
        inputs, system, _services_script(wanted, needed, _yielding(inputs, wanted)), step, network="none"
    )


def _yielding(inputs: PlanInputs, wanted: Mapping[str, bool | str]) -> dict[str, str]:
    """Return the services of the preset that one of the same purpose switches off, and which one."""
    preset = preset_of(inputs)
    return {
        name: rival
        for name, rivals in (preset.yields.items() if preset else ())
        for rival in rivals
        if wanted.get(rival) and name not in wanted
    }


def _add_own(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the services that the spec itself makes."""
    spec = inputs.spec
    own = {name: each for name, each in sorted(spec.services.items()) if isinstance(each, ServiceCommand)}
    if not own:
        return system
    texts = tuple(_own(name, each) for name, each in own.items())
    request = contract.Services(system=SYSTEM, service=texts, epoch=DEFAULT_EPOCH)
    place = places.at(spec, "services", next(name for name in spec.services if name in own))
    step = Step(f"[services] make {' '.join(own)}", place, ("services",))
    mount = tree(SYSTEM, system, readonly=False)
    return run_imager(inputs, request, step=step, mounts=(mount,)).mount(SYSTEM)


def _own(name: str, each: ServiceCommand) -> str:
    """Return a service in the imager's terms."""
    wanted: dict[str, object] = {
        "name": name,
        "command": list(each.command),
        "user": each.user,
        "group": each.group,
        "restart": each.restart,
        "after": list(each.after),
        "env": dict(each.env),
        "working_directory": each.working_directory,
        "description": each.description,
        "oneshot": each.oneshot,
    }
    return compact_json(wanted)


def _services_script(
    wanted: Mapping[str, bool | str], needed: Sequence[str], yielding: Mapping[str, str] | None = None
) -> str:
    """Return a script that sets all services with the init system found, and names every one that is missing.

    `needed` are other keys of the build file that want services of the system: network, mounts. `yielding`: see
    `_yielding`.
    """
    calls = [f'needed_by_{key} || failed="$failed ({key})"' for key in needed]
    for name, start in sorted(wanted.items()):
        verb = f"{'off' if start is False else 'on'} {shlex.quote(name)}"
        runlevel = f" {shlex.quote(start)}" if isinstance(start, str) else ""
        calls.append(f'{verb}{runlevel} || failed="$failed {name}"')
    for name, rival in (yielding or {}).items():
        told = f"claylinux: services: {name} of the preset is off, as {rival} does its work"
        calls.append(f"! off {shlex.quote(name)} || echo {shlex.quote(told)} >&2")
    lines = "\n".join(calls)
    return f"""\
{_FUNCTIONS}failed=
{lines}
if [ -n "$failed" ]; then
  echo "claylinux: services: no such service:$failed (is its package in packages?)" >&2
  exit 1
fi
"""
