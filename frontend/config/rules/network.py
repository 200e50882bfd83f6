"""Rules across the keys of `network`. Pure; each reports what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.network import AnyInterface, Network
from spec.positions import Path
from spec.values.wording import code, listing, suggest

from .system import duplicates


def validate_network(spec: Spec, problems: Collector) -> None:
    """Report every contradiction between interfaces."""
    if spec.network is not None:
        _interfaces(spec, spec.network, problems)
        _ports(spec, spec.network, problems)
        _cycles(spec, spec.network, problems)
        _routes(spec, spec.network, problems)
        _rules(spec, spec.network, problems)
        _names(spec, spec.network, problems)


def _all(network: Network) -> Iterator[tuple[str, str, AnyInterface]]:
    """Yield every interface with its name and its key."""
    kinds: Mapping[str, Mapping[str, AnyInterface]] = {
        "ethernets": network.ethernets,
        "bonds": network.bonds,
        "bridges": network.bridges,
        "vlans": network.vlans,
    }
    for kind, interfaces in kinds.items():
        for name, interface in interfaces.items():
            yield name, kind, interface


def _interfaces(spec: Spec, network: Network, problems: Collector) -> None:
    named = [(name, kind) for name, kind, _ in _all(network)]
    # An interface with a problem may be left out.
    if not named and not problems.any_in(spec.positions.of("network")):
        problems.add(
            spec.positions.key("network"), "`network` has no interfaces: add one (for example `ethernets: {eth0: "
            "{dhcp4: true}}`), or remove the key"
        )  # fmt: skip
    known: dict[str, list[str]] = {}
    for name, kind in named:
        known.setdefault(name, []).append(kind)
    for name, owners in known.items():
        if len(owners) > 1:
            places = sorted(spec.positions.key("network", kind, name) for kind in owners)
            problems.add(places[1], f"duplicate interface {code(name)} in {listing(owners, 'and')}: rename one of them")
    # Those with a problem are left out of `network`, but they are written.
    written = [path[2] for path in spec.positions.keys if len(path) == 3 and path[0] == "network"]
    known |= {str(name): [] for name in written if name not in known}
    for name, vlan in network.vlans.items():
        _check_exists(spec, problems, vlan.link, known, ("network", "vlans", name, "link"))
    for port, place in _all_ports(network):
        _check_exists(spec, problems, port, known, place)


def _names(spec: Spec, network: Network, problems: Collector) -> None:
    for name, each in network.ethernets.items():
        match = each.match
        if each.set_name and not (match and (match.macaddress or match.driver)):
            problems.add(
                spec.positions.of("network", "ethernets", name, "set-name"),
                "`set-name` needs to know the hardware: add `match: {macaddress: ...}`, or remove it",
            )


def _routes(spec: Spec, network: Network, problems: Collector) -> None:
    for name, kind, interface in _all(network):
        for index, route in enumerate(interface.routes):
            if route.to != "default" and (":" in route.to) != (":" in route.via):
                place = spec.positions.of("network", kind, name, "routes", index, "via")
                problems.add(place, f"the gateway {route.via} cannot reach {route.to}: one is IPv4, the other IPv6")


def _rules(spec: Spec, network: Network, problems: Collector) -> None:
    for name, kind, interface in _all(network):
        for index, rule in enumerate(interface.routing_policy):
            place = spec.positions.of("network", kind, name, "routing-policy", index)
            if not rule.from_ and not rule.to:
                problems.add(place, "a routing rule needs `from` or `to` (for example `from: 10.0.0.0/24`)")
            elif rule.from_ and rule.to and (":" in rule.from_) != (":" in rule.to):
                problems.add(place, f"no packet goes from {rule.from_} to {rule.to}: one is IPv4, the other IPv6")


def _check_exists(spec: Spec, problems: Collector, name: str, known: Mapping[str, object], path: Path) -> None:
    if name not in known:
        near = suggest(name, known)
        hint = f"did you mean `{near}`?" if near else f"add it (for example `ethernets: {{{name}: {{}}}}`)"
        problems.add(spec.positions.of(*path), f"unknown interface {code(name)}: {hint}")


def _ports(spec: Spec, network: Network, problems: Collector) -> None:
    for port, place, first in duplicates(spec, _all_ports(network)):
        line = first.line_from(place)
        other = "bond or bridge" if network.bonds else "bridge"
        problems.add(place, f"{code(str(port))} is already in another {other} ({line}): it can be in only one")


def _all_ports(network: Network) -> Iterator[tuple[str, Path]]:
    """Yield every interface of bonds and bridges, and the path that names it."""
    for name in (*network.bonds, *network.bridges):
        yield from _ports_of(network, name)


def _ports_of(network: Network, name: str) -> Iterator[tuple[str, Path]]:
    for kind, interfaces in (("bonds", network.bonds), ("bridges", network.bridges)):
        if name in interfaces:
            for index, port in enumerate(interfaces[name].interfaces):
                yield port, ("network", kind, name, "interfaces", index)


def _cycles(spec: Spec, network: Network, problems: Collector) -> None:
    """Report interfaces that consist of themselves: each cycle once, at the place where it closes."""
    done: set[str] = set()
    for start in (*network.bonds, *network.bridges, *network.vlans):
        chain = {start: _parts_of(network, start)}  # in order: each consists of the next
        while chain:
            name = next(reversed(chain))
            lower, path = next(chain[name], ("", ()))
            if not path:
                del chain[name]
                done.add(name)
            elif lower in chain:
                names = list(chain)
                cycle = [code(each) for each in (*names[names.index(lower) :], lower)]
                shown = cycle if len(cycle) < 8 else [*cycle[:3], "…", *cycle[-3:]]
                place = spec.positions.of(*path)
                problems.add(place, f"interface cycle {' -> '.join(shown)}: an interface cannot contain itself")
            elif lower not in done:
                chain[lower] = _parts_of(network, lower)


def _parts_of(network: Network, name: str) -> Iterator[tuple[str, Path]]:
    """Yield the interfaces that an interface consists of, and the paths that name them."""
    yield from _ports_of(network, name)
    if name in network.vlans:
        yield network.vlans[name].link, ("network", "vlans", name, "link")
