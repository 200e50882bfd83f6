"""Rules across the keys of the running system: accounts, network, services, mounts. Pure; each tells what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .diagnostics import Collector, code, listing, suggest
from .filesystems import CREATABLE
from .model import Bridge, DeviceMount, Ethernet, Network, ServiceCommand, Spec, Vlan
from .positions import Path, Range


def validate_system(spec: Spec, problems: Collector) -> None:
    """Tell every contradiction in what the running system is told."""
    _accounts(spec, problems)
    if spec.network is not None:
        _network(spec, spec.network, problems)
    _services(spec, problems)
    _mounts(spec, problems)


def repeated(spec: Spec, named: Iterable[tuple[object, Path]]) -> Iterable[tuple[object, Range, Range]]:
    """Yield what is there more than once: the value, where it is again, where it was first."""
    first: dict[object, Range] = {}
    for value, path in named:
        place = spec.positions.of(*path)
        if value in first:
            yield value, place, first[value]
        else:
            first[value] = place


def _accounts(spec: Spec, problems: Collector) -> None:
    users, groups = [each.name for each in spec.users], [each.name for each in spec.groups]
    for word, names in (("user", users), ("group", groups)):
        for name, place, first in repeated(spec, ((each, (f"{word}s", i, "name")) for i, each in enumerate(names))):
            problems.add(
                place, f"the {word} {code(str(name))} is here a second time (the first is on {first.line_from(place)})"
            )
    uids = ((each.uid, ("users", index, "uid")) for index, each in enumerate(spec.users) if each.uid is not None)
    for uid, place, first in repeated(spec, uids):
        problems.add(place, f"uid {uid} is already taken by the user on {first.line_from(place)}: choose another")
    gids = ((each.gid, ("groups", index, "gid")) for index, each in enumerate(spec.groups) if each.gid is not None)
    for gid, place, first in repeated(spec, gids):
        problems.add(place, f"gid {gid} is already taken by the group on {first.line_from(place)}: choose another")


def _network(spec: Spec, network: Network, problems: Collector) -> None:
    kinds: dict[str, Mapping[str, Ethernet | Bridge | Vlan]] = {
        "ethernets": network.ethernets,
        "bridges": network.bridges,
        "vlans": network.vlans,
    }
    named = [(name, kind) for kind, interfaces in kinds.items() for name in interfaces]
    if not named:
        problems.add(
            spec.positions.key("network"), "`network` names no interface: add one, such as `ethernets: {eth0: "
            "{dhcp4: true}}`, or leave the key out"
        )  # fmt: skip
    known = dict.fromkeys(name for name, _ in named)
    for name in known:
        owners = [kind for kind, interfaces in kinds.items() if name in interfaces]
        if len(owners) > 1:
            places = sorted(spec.positions.key("network", kind, name) for kind in owners)
            problems.add(places[1], f"{code(name)} is in {listing(owners, 'and')}: interfaces have different names")
    for name, vlan in network.vlans.items():
        _known(spec, problems, vlan.link, known, ("network", "vlans", name, "link"))
        if vlan.link == name:
            problems.add(spec.positions.of("network", "vlans", name, "link"), "a VLAN cannot be on itself")
    for name, bridge in network.bridges.items():
        for index, port in enumerate(bridge.interfaces):
            _known(spec, problems, port, known, ("network", "bridges", name, "interfaces", index))
    _ports(spec, network, problems)
    for name, kind in named:
        for index, route in enumerate(kinds[kind][name].routes):
            if route.to != "default" and (":" in route.to) != (":" in route.via):
                place = spec.positions.of("network", kind, name, "routes", index, "via")
                problems.add(place, f"{route.via} cannot be the way to {route.to}: one is IPv4, the other IPv6")


def _known(spec: Spec, problems: Collector, name: str, known: Iterable[str], path: Path) -> None:
    names = tuple(known)
    if name not in names:
        near = suggest(name, names)
        hint = f"did you mean `{near}`?" if near else f"add it, such as `ethernets: {{{name}: {{}}}}`"
        problems.add(spec.positions.of(*path), f"there is no interface {code(name)} in `network`: {hint}")


def _ports(spec: Spec, network: Network, problems: Collector) -> None:
    ports = (
        (port, ("network", "bridges", name, "interfaces", index))
        for name, bridge in network.bridges.items()
        for index, port in enumerate(bridge.interfaces)
    )
    for port, place, first in repeated(spec, ports):
        line = first.line_from(place)
        problems.add(place, f"{code(str(port))} is in another bridge already ({line}): it can be in one only")


def _services(spec: Spec, problems: Collector) -> None:
    for name, service in spec.services.items():
        if not isinstance(service, ServiceCommand):
            continue
        if service.oneshot and service.restart == "always":
            place = spec.positions.of("services", name, "restart")
            problems.add(place, "a oneshot service ends by itself: `always` would start it over and over, so write "
                         "`on-failure`, or leave `restart` out")  # fmt: skip
        if name in service.after:
            place = spec.positions.of("services", name, "after", service.after.index(name))
            problems.add(place, f"{code(name)} cannot start after itself")


def _mounts(spec: Spec, problems: Collector) -> None:
    for point, mount in spec.mounts.items():
        if not isinstance(mount, DeviceMount) or not mount.create:
            continue
        if mount.fstype not in CREATABLE:
            place = spec.positions.key("mounts", point, "fstype" if mount.fstype else "create")
            problems.add(
                place, f"`create` needs the kind of file system to make: `fstype` is one of {listing(CREATABLE)}"
            )
        if not mount.device.startswith(("/dev/", "LABEL=")):
            place = spec.positions.of("mounts", point, "device")
            problems.add(place, f"`create` needs a disk: write a device in /dev, or LABEL=..., not {mount.device}")
