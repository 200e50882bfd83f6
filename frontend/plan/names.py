"""Host name, hosts and resolver: the keys `hostname`, `hosts` and `dns`. They are the last step."""

from __future__ import annotations

import llb

from . import places
from .files import new_file
from .inputs import PlanInputs
from .packages import preset_of
from .steps import Step, edit_files

_LOCALHOST = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
)


def set_names(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Write the host name, hosts and resolver: always for a preset, and for another base if the spec has them."""
    spec, preset = inputs.spec, preset_of(inputs)
    contents: dict[str, str] = {}
    hostname = spec.hostname or (spec.name if preset else None)
    if hostname:
        contents["/etc/hostname"] = f"{hostname}\n"
    if hostname or spec.hosts:
        contents["/etc/hosts"] = _hosts(hostname, spec.hosts)
    # If all servers of `dns` are commented out, an empty file would leave the system without a resolver.
    if spec.dns and (spec.dns.servers or spec.dns.search):
        contents["/etc/resolv.conf"] = _resolv_conf(spec.dns.servers, spec.dns.search)
    if not contents:
        return system
    removed = [path for path in preset.volatile if path not in contents] if preset else []
    actions: list[llb.Action] = []
    for path in [*contents, *removed]:
        # The old file may be a link, and a `.target` file would win over the spec.
        actions += [llb.Rm(path, allow_not_found=True), llb.Rm(f"{path}.target", allow_not_found=True)]
    actions += [action for path, text in contents.items() for action in new_file(path, text)]
    names = " ".join(path.rpartition("/")[2] for path in contents)
    first = next((key for key in ("hostname", "hosts", "dns") if getattr(spec, key)), "base")
    return edit_files(inputs, system, tuple(actions), Step(f"[system] {names}", places.location_of(spec, first)))


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
