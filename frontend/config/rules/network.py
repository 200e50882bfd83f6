"""Rules across the keys of `network`. Pure; each tells what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.network import Bridge, Ethernet, Network, Vlan
from spec.positions import Path
from spec.values.wording import code, listing, suggest

from .system import repeated


def validate_network(spec: Spec, problems: Collector) -> None:
    """Tell every contradiction between interfaces."""
    if spec.network is not None:
        _interfaces(spec, spec.network, problems)
        _ports(spec, spec.network, problems)
        _circles(spec, spec.network, problems)
        _routes(spec, spec.network, problems)


def _all(network: Network) -> Iterator[tuple[str, str, Ethernet | Bridge | Vlan]]:
    """Yield every interface, with its name and the key that it is in."""
    kinds: Mapping[str, Mapping[str, Ethernet | Bridge | Vlan]] = {
        "ethernets": network.ethernets,
        "bridges": network.bridges,
        "vlans": network.vlans,
    }
    for kind, interfaces in kinds.items():
        for name, interface in interfaces.items():
            yield name, kind, interface


def _interfaces(spec: Spec, network: Network, problems: Collector) -> None:
    named = [(name, kind) for name, kind, _ in _all(network)]
    # What was meant for one may be told already.
    if not named and not problems.any_in(spec.positions.of("network")):
        problems.add(
            spec.positions.key("network"), "`network` names no interface: add one, such as `ethernets: {eth0: "
            "{dhcp4: true}}`, or leave the key out"
        )  # fmt: skip
    known: dict[str, list[str]] = {}
    for name, kind in named:
        known.setdefault(name, []).append(kind)
    for name, owners in known.items():
        if len(owners) > 1:
            places = sorted(spec.positions.key("network", kind, name) for kind in owners)
            problems.add(places[1], f"{code(name)} is in {listing(owners, 'and')}: interfaces have different names")
    for name, vlan in network.vlans.items():
        _known(spec, problems, vlan.link, known, ("network", "vlans", name, "link"))
    for name, bridge in network.bridges.items():
        for index, port in enumerate(bridge.interfaces):
            _known(spec, problems, port, known, ("network", "bridges", name, "interfaces", index))


def _routes(spec: Spec, network: Network, problems: Collector) -> None:
    for name, kind, interface in _all(network):
        for index, route in enumerate(interface.routes):
            if route.to != "default" and (":" in route.to) != (":" in route.via):
                place = spec.positions.of("network", kind, name, "routes", index, "via")
                problems.add(place, f"{route.via} cannot be the way to {route.to}: one is IPv4, the other IPv6")


def _known(spec: Spec, problems: Collector, name: str, known: Mapping[str, object], path: Path) -> None:
    if name not in known:
        near = suggest(name, known)
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


def _circles(spec: Spec, network: Network, problems: Collector) -> None:
    """Tell of interfaces that are made of themselves, each circle once, where it closes."""
    done: set[str] = set()
    for start in (*network.bridges, *network.vlans):
        chain = {start: _below(network, start)}  # in order: each is made of the next
        while chain and start not in done:
            name = next(reversed(chain))
            lower, path = next(chain[name], ("", ()))
            if not path:
                del chain[name]
                done.add(name)
            elif lower in chain:
                names = list(chain)
                circle = [code(each) for each in (*names[names.index(lower) :], lower)]
                shown = circle if len(circle) < 8 else [*circle[:3], "…", *circle[-3:]]
                place = spec.positions.of(*path)
                problems.add(place, f"{' is on '.join(shown)}: an interface cannot be made of itself")
            elif lower not in done:
                chain[lower] = _below(network, lower)


def _below(network: Network, name: str) -> Iterator[tuple[str, Path]]:
    """Yield what an interface is made of, and where that is said."""
    if name in network.bridges:
        for index, port in enumerate(network.bridges[name].interfaces):
            yield port, ("network", "bridges", name, "interfaces", index)
    if name in network.vlans:
        yield network.vlans[name].link, ("network", "vlans", name, "link")
