"""The system, step by step in the fixed order: base, packages, users, files, run, services, names.

Host name, hosts and resolver come last, by file operations: BuildKit mounts its own /etc/hosts and
/etc/resolv.conf over every step that runs a program, so no such step can write them.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict

import llb
from frontend.config import PresetBase, User
from frontend.distro.family import Release
from frontend.distro.registry import FAMILIES, PRESETS
from frontend.options import DEFAULT_EPOCH
from imager import contract

from . import places
from .files import add_files, new_file
from .identity import add_identity
from .inputs import PlanInputs
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
    system = inputs.base.state
    system = _add_packages(inputs, system)
    system = _add_users(inputs, system)
    system = _add_preset_files(inputs, system)
    if inputs.spec.files:
        system = add_files(inputs, system)
    system = add_run_steps(inputs, system)
    system = _set_services(inputs, system)
    system = add_identity(inputs, system)
    return _set_names(inputs, system)


def release_of(inputs: PlanInputs) -> Release | None:
    """Return the preset's release, or None for a base of the user's own."""
    base = inputs.spec.base
    return PRESETS[base.preset] if isinstance(base, PresetBase) else None


def _add_packages(inputs: PlanInputs, system: llb.State) -> llb.State:
    spec, release = inputs.spec, release_of(inputs)
    if release is not None:
        # One vertex of its own: it is the same for every user of the preset, so it is cached across projects.
        kernel = release.kernels[inputs.platform.architecture]
        step = Step(f"[base] {release.preset}: {kernel} and a bootable system", places.at(spec, "base"), ("base",))
        system = _install(inputs, system, release.family, (*release.packages, kernel), step)
    if spec.packages:
        step = Step(f"[packages] {' '.join(spec.packages)}", places.at(spec, "packages"), ("packages",))
        system = _install(inputs, system, release.family if release else None, spec.packages, step)
    return system


def _install(
    inputs: PlanInputs, system: llb.State, family: str | None, packages: tuple[str, ...], step: Step
) -> llb.State:
    """Install with the package manager of `family`; None lets the build step see which one the base has."""
    cache_id = "-".join(
        part for part in (inputs.options.cache_namespace, "claylinux", inputs.platform.architecture) if part
    )
    names = [family] if family else sorted(FAMILIES)
    steps = {name: FAMILIES[name].install(packages, cache_id=f"{cache_id}-{name}") for name in names}
    mounts: dict[str, llb.Mount] = {mount.target: mount for name in names for mount in steps[name].mounts}
    script = steps[family].script if family else _detect({name: steps[name].script for name in names})
    env = tuple(sorted({pair for name in names for pair in steps[name].env}))
    return run_in_system(inputs, system, script, step, env=env, mounts=tuple(mounts.values()))


def _detect(scripts: dict[str, str]) -> str:
    """Return a script that takes the branch of the package manager which the base has."""
    branches = "".join(
        f"{'if' if not index else 'elif'} command -v {FAMILIES[name].command} >/dev/null 2>&1; then\n{script}"
        for index, (name, script) in enumerate(scripts.items())
    )
    managers = ", ".join(FAMILIES[name].command for name in scripts)
    complaint = f"claylinux: packages: this base has no package manager that Claylinux knows ({managers})"
    return f"{branches}else\necho {shlex.quote(complaint)} >&2\nexit 1\nfi\n"


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
    release = release_of(inputs)
    if release is None or not release.files:
        return system
    actions = tuple(action for path, text in sorted(release.files.items()) for action in new_file(path, text))
    return edit_files(inputs, system, actions, Step("[base] default network", places.at(inputs.spec, "base")))


def _set_services(inputs: PlanInputs, system: llb.State) -> llb.State:
    spec, release = inputs.spec, release_of(inputs)
    wanted = dict.fromkeys(release.services, True) if release else {}
    wanted |= {name: bool(service.start) for name, service in spec.services.items()}
    if not wanted:
        return system
    enabled = sorted(name for name, on in wanted.items() if on)
    disabled = sorted(name for name, on in wanted.items() if not on)
    place = places.at(spec, "services") if spec.services else places.at(spec, "base")
    title = " ".join([*enabled, *(f"no {name}" for name in disabled)])
    script = _services_script(tuple(enabled), tuple(disabled))
    return run_in_system(inputs, system, script, Step(f"[services] {title}", place, ("services",)), network="none")


def _services_script(enabled: tuple[str, ...], disabled: tuple[str, ...]) -> str:
    """Return a script that sets all services with the init system found, and names every one that is missing."""
    calls = [("on", name) for name in enabled] + [("off", name) for name in disabled]
    lines = "\n".join(f'{verb} {shlex.quote(name)} || failed="$failed {name}"' for verb, name in calls)
    return f"""\
if command -v systemctl >/dev/null 2>&1; then
  on() {{ SYSTEMD_OFFLINE=1 systemctl --quiet enable -- "$1"; }}
  off() {{ SYSTEMD_OFFLINE=1 systemctl --quiet disable -- "$1"; }}
elif command -v rc-update >/dev/null 2>&1; then
  on() {{ rc-update -q add "$1" default; }}
  off() {{ rc-update -q -a delete "$1"; }}
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
    spec, release = inputs.spec, release_of(inputs)
    contents: dict[str, str] = {}
    removed: list[str] = []
    hostname = spec.hostname or (spec.name if release else None)
    if hostname:
        contents["/etc/hostname"] = f"{hostname}\n"
    if hostname or spec.hosts:
        contents["/etc/hosts"] = _hosts(hostname, spec.hosts)
    if spec.dns:
        contents["/etc/resolv.conf"] = _resolv_conf(spec.dns.servers, spec.dns.search)
    elif release:
        removed.append("/etc/resolv.conf")  # systemd-resolved makes its link at boot, where there is no file
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
