"""What runs once the system is up: the key `services`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import llb
from frontend.config import ServiceSwitch

from . import places
from .inputs import PlanInputs
from .packages import preset_of
from .steps import Step, run_in_system


def set_services(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with its services set, those of a preset too."""
    spec, preset = inputs.spec, preset_of(inputs)
    wanted: dict[str, bool | str] = dict(preset.services) if preset else {}
    for name, service in spec.services.items():
        start = service.start if isinstance(service, ServiceSwitch) else True
        # `true` keeps the runlevel that the preset has for it.
        wanted[name] = (wanted.get(name) or True) if start is True else start
    if not wanted:
        return system
    place = places.at(spec, "services") if spec.services else places.at(spec, "base")
    title = " ".join(name if start else f"no {name}" for name, start in sorted(wanted.items()))
    step = Step(f"[services] {title}", place, ("services",))
    return run_in_system(inputs, system, _services_script(wanted), step, network="none")


def _services_script(wanted: Mapping[str, bool | str]) -> str:
    """Return a script that sets all services with the init system found, and names every one that is missing."""
    calls = []
    for name, start in sorted(wanted.items()):
        verb = f"off {shlex.quote(name)}" if start is False else f"on {shlex.quote(name)}"
        runlevel = f" {shlex.quote(start)}" if isinstance(start, str) else ""
        calls.append(f'{verb}{runlevel} || failed="$failed {name}"')
    lines = "\n".join(calls)
    return f"""\
if command -v systemctl >/dev/null 2>&1; then
  on() {{
    if [ $# -gt 1 ]; then
      echo "claylinux: services: $1: systemd has no runlevels: write true instead of $2" >&2
      exit 1
    fi
    SYSTEMD_OFFLINE=1 systemctl --quiet enable -- "$1"
  }}
  off() {{ SYSTEMD_OFFLINE=1 systemctl --quiet disable -- "$1"; }}
elif command -v rc-update >/dev/null 2>&1; then
  on() {{
    [ -e "/etc/init.d/$1" ] || return
    if [ $# -eq 1 ]; then
      # It may have its runlevel already, in a base image.
      [ -z "$(find /etc/runlevels -name "$1")" ] || return 0
    else
      find /etc/runlevels -name "$1" -exec rm {{}} +
    fi
    mkdir -p "/etc/runlevels/${{2-default}}"
    rc-update -q add "$1" "${{2-default}}"
  }}
  off() {{
    [ -e "/etc/init.d/$1" ] && find /etc/runlevels -name "$1" -exec rm {{}} +
  }}
else
  echo 'claylinux: services: this system has neither systemd nor OpenRC' >&2
  exit 1
fi
failed=
{lines}
if [ -n "$failed" ]; then
  echo "claylinux: services: no such service:$failed (is its package in packages?)" >&2
  exit 1
fi
"""
