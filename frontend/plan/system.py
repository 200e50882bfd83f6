"""The system, step by step in the fixed order: base, packages, kernel, users, files, run, services, names.

Host name, hosts and resolver come last, by file operations: BuildKit mounts its own /etc/hosts and
/etc/resolv.conf over every step that runs a program, so no such step can write them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict

import llb
from frontend.config import User
from frontend.options import DEFAULT_EPOCH
from imager import contract

from . import kernel, places
from .files import add_files, new_file
from .identity import add_identity
from .inputs import PlanInputs
from .packages import add_packages, preset_of
from .run import add_run_steps
from .steps import SYSTEM, Step, edit_files, run_imager, run_in_system

_LOCALHOST = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
)


def plan_system(inputs: PlanInputs) -> llb.State:
    """Return the finished root file system of the spec."""
    system = kernel.reduce_kernel(inputs, packaged_system(inputs))
    system = _add_users(inputs, system)
    system = _add_preset_files(inputs, system)
    system = kernel.add_boot_settings(inputs, system)
    if inputs.spec.files:
        system = add_files(inputs, system)
    system = add_run_steps(inputs, system)
    system = _set_services(inputs, system)
    system = add_identity(inputs, system)
    return _set_names(inputs, system)


def packaged_system(inputs: PlanInputs) -> llb.State:
    """Return the system as it is after all packages, before anything else."""
    return add_packages(inputs, inputs.base.state)


def _add_users(inputs: PlanInputs, system: llb.State) -> llb.State:
    spec = inputs.spec
    if not spec.users:
        return system
    users = tuple(_user(user) for user in spec.users)
    request = contract.Users(system=SYSTEM, user=users, epoch=DEFAULT_EPOCH)
    step = Step(f"[users] {' '.join(user.name for user in spec.users)}", places.at(spec, "users"), ("users",))
    mount = llb.Bind(target=SYSTEM, source=system, readonly=False)
    return run_imager(inputs, request, step, mounts=(mount,)).mount(SYSTEM)


def _user(user: User) -> str:
    """Return a user in the imager's terms: what the spec leaves out is left out there, too."""
    wanted = {key: value for key, value in asdict(user).items() if value is not None}
    return json.dumps(wanted, sort_keys=True, separators=(",", ":"))


def _add_preset_files(inputs: PlanInputs, system: llb.State) -> llb.State:
    preset = preset_of(inputs)
    if preset is None:
        return system
    files = preset.files[inputs.platform.architecture]
    actions = tuple(action for path, text in sorted(files.items()) for action in new_file(path, text))
    return edit_files(inputs, system, actions, Step("[base] network and consoles", places.at(inputs.spec, "base")))


def _set_services(inputs: PlanInputs, system: llb.State) -> llb.State:
    spec, preset = inputs.spec, preset_of(inputs)
    wanted: dict[str, bool | str] = dict(preset.services) if preset else {}
    for name, service in spec.services.items():
        # `true` keeps the runlevel that the preset has for it.
        wanted[name] = (wanted.get(name) or True) if service.start is True else service.start
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


def _set_names(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Write the host name, hosts and resolver. A preset always gets them; another base only what the spec says."""
    spec, preset = inputs.spec, preset_of(inputs)
    contents: dict[str, str] = {}
    removed: list[str] = []
    hostname = spec.hostname or (spec.name if preset else None)
    if hostname:
        contents["/etc/hostname"] = f"{hostname}\n"
    if hostname or spec.hosts:
        contents["/etc/hosts"] = _hosts(hostname, spec.hosts)
    if spec.dns:
        contents["/etc/resolv.conf"] = _resolv_conf(spec.dns.servers, spec.dns.search)
    if preset:
        removed = [path for path in preset.volatile if path not in contents]
    if not contents and not removed:
        return system
    actions: list[llb.Action] = []
    for path in [*contents, *removed]:
        # The old one may be a link to somewhere else; a `.target` file would win over what the spec says.
        actions += [llb.Rm(path, allow_not_found=True), llb.Rm(f"{path}.target", allow_not_found=True)]
    actions += [action for path, text in contents.items() for action in new_file(path, text)]
    names = " ".join(path.rpartition("/")[2] for path in contents)
    first = next((key for key in ("hostname", "hosts", "dns") if getattr(spec, key)), "base")
    return edit_files(inputs, system, tuple(actions), Step(f"[system] {names}", places.at(spec, first)))


def _hosts(hostname: str | None, extra: object) -> str:
    lines = list(_LOCALHOST)
    if hostname:
        short = hostname.partition(".")[0]
        lines.insert(1, f"127.0.1.1\t{hostname}" + ("" if short == hostname else f" {short}"))
    lines += [f"{address}\t{name}" for name, address in sorted(dict(extra).items())]  # type: ignore[call-overload]
    return "\n".join(lines) + "\n"


def _resolv_conf(servers: tuple[str, ...], search: tuple[str, ...]) -> str:
    lines = [f"nameserver {server}" for server in servers]
    if search:
        lines.append(f"search {' '.join(search)}")
    return "\n".join(lines) + "\n"
