"""The network interfaces: the key `network`."""

from __future__ import annotations

import llb
from frontend.options import DEFAULT_EPOCH
from imager import contract
from spec.network import Bridge, Ethernet, Match, Network, Vlan

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Step, compact_json, run_imager, tree


def add_network(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with its interfaces set up for the network service that it has."""
    spec = inputs.spec
    if spec.network is None:
        return system
    interfaces = _interfaces(spec.network)
    texts = tuple(_interface(name, each) for name, each in sorted(interfaces.items()))
    request = contract.Network(system=SYSTEM, interface=texts, epoch=DEFAULT_EPOCH)
    step = Step(f"[network] {' '.join(sorted(interfaces))}", places.location_of(spec, "network"), ("network",))
    bind = tree(SYSTEM, system, readonly=False)
    return run_imager(inputs, request, step=step, mounts=(bind,)).mount(SYSTEM)


def _interfaces(network: Network) -> dict[str, Ethernet | Bridge | Vlan]:
    return {**network.ethernets, **network.bridges, **network.vlans}


def _interface(name: str, each: Ethernet | Bridge | Vlan) -> str:
    """Return an interface in the imager's terms."""
    servers = each.nameservers
    wanted: dict[str, object] = {
        "name": name,
        "kind": type(each).__name__.lower(),
        "dhcp4": each.dhcp4,
        "dhcp6": each.dhcp6,
        "addresses": list(each.addresses),
        "routes": [{"to": route.to, "via": route.via, "metric": route.metric} for route in each.routes],
        "nameservers": list(servers.addresses) if servers else [],
        "search": list(servers.search) if servers else [],
        "mtu": each.mtu,
        "optional": each.optional,
    }
    match each:
        case Ethernet():
            wanted["match"] = _match(each.match)
        case Bridge():
            wanted["interfaces"] = list(each.interfaces)
        case Vlan():
            wanted |= {"id": each.id, "link": each.link}
    return compact_json(wanted)


def _match(match: Match | None) -> dict[str, str]:
    words = {"name": match.name, "macaddress": match.macaddress, "driver": match.driver} if match else {}
    return {key: value for key, value in words.items() if value is not None}
