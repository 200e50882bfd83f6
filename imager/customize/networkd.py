"""Interfaces in the words of systemd-networkd (systemd.network(5), systemd.netdev(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.network import AnyInterface, Bond, Bridge, Ethernet, Match, Route, RoutingRule, Vlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.rootfs.root import Root

_FOLDER = "etc/systemd/network"
_WAIT = "etc/systemd/system/systemd-networkd-wait-online.service.d/claylinux.conf"
_WAIT_LIMIT = 60
"""Seconds until the boot goes on without an interface that is not optional."""
REPLACED = (f"{_FOLDER}/80-claylinux-dhcp.network", _WAIT)
"""What a preset has written for a system without the key `network`."""
_TITLES = {"bond": "Bond", "bridge": "Bridge", "vlan": "VLAN"}
_HEAD = "# By Claylinux, from the key `network`.\n"


def is_enabled(root: Root) -> bool:
    """Whether systemd-networkd starts at boot."""
    return root.resolve("etc/systemd/system/multi-user.target.wants/systemd-networkd.service") is not None


def files(interfaces: Mapping[str, AnyInterface]) -> dict[str, str]:
    """Give the content of all files by path."""
    made: dict[str, str] = {_WAIT: _wait(interfaces)}
    for name, each in interfaces.items():
        if not isinstance(each, Ethernet):
            made[f"{_FOLDER}/10-claylinux-{name}.netdev"] = _HEAD + _netdev(name, each)
        elif each.set_name and each.match:
            made[f"{_FOLDER}/10-claylinux-{name}.link"] = _HEAD + _link_file(each.set_name, each.match)
        made[f"{_FOLDER}/10-claylinux-{name}.network"] = _HEAD + _network(name, each, interfaces)
    return made


def _wait(interfaces: Mapping[str, AnyInterface]) -> str:
    """Tell when the network counts as up: once all interfaces are that are not optional."""
    program = "/usr/bin/true"
    if not all(each.optional for each in interfaces.values()):
        program = f"/usr/lib/systemd/systemd-networkd-wait-online --timeout={_WAIT_LIMIT}"
    return f"{_HEAD}[Service]\nExecStart=\nExecStart={program}\n"


def _link_file(name: str, match: Match) -> str:
    """Tell udev a name (systemd.link(5)). It knows hardware by what does not change."""
    hardware = _lines({"Driver": match.driver, "PermanentMACAddress": match.macaddress})
    return _sections(("Match", hardware), ("Link", [f"Name={name}"]))


def _netdev(name: str, each: Bond | Bridge | Vlan) -> str:
    return _sections(("NetDev", [f"Name={name}", f"Kind={each.KIND}"]), (_TITLES[each.KIND], _device(each)))


def _device(each: Bond | Bridge | Vlan) -> list[str]:
    if isinstance(each, Vlan):
        return [f"Id={each.id}"]
    if each.parameters is None:
        return []
    if isinstance(each, Bond):
        bond = each.parameters
        words: dict[str, object] = {
            "Mode": bond.mode,
            "MIIMonitorSec": f"{bond.mii_monitor_interval}ms" if bond.mii_monitor_interval is not None else None,
            "LACPTransmitRate": bond.lacp_rate,
            "TransmitHashPolicy": bond.transmit_hash_policy,
        }
    else:
        bridge = each.parameters
        words = {
            "STP": bridge.stp,
            "ForwardDelaySec": bridge.forward_delay,
            "HelloTimeSec": bridge.hello_time,
            "MaxAgeSec": bridge.max_age,
            "AgeingTimeSec": bridge.ageing_time,
            "Priority": bridge.priority,
        }
    return _lines(words)


def _lines(words: Mapping[str, object]) -> list[str]:
    """Return a line for each word with a value."""
    switches = {True: "yes", False: "no"}
    shown = {word: switches[value] if isinstance(value, bool) else value for word, value in words.items()}
    return [f"{word}={value}" for word, value in shown.items() if value is not None]


def _network(name: str, each: AnyInterface, interfaces: Mapping[str, AnyInterface]) -> str:
    dhcp = {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6", (False, False): "no"}
    link = _lines({"MACAddress": each.macaddress, "MTUBytes": each.mtu})
    link += ["RequiredForOnline=no"] if each.optional else []
    network = [f"DHCP={dhcp[each.dhcp4, each.dhcp6]}"]
    local = None if each.link_local is None else bool(each.link_local)
    network += _lines({"LinkLocalAddressing": {True: "ipv6", False: "no", None: None}[local]})
    network += _lines({"IPv6AcceptRA": each.accept_ra})
    network += [f"Address={address}" for address in each.addresses]
    if each.nameservers:
        network += [f"DNS={server}" for server in each.nameservers.addresses]
        network += [f"Domains={' '.join(each.nameservers.search)}"] if each.nameservers.search else []
    network += _above(name, interfaces)
    if isinstance(each, Bridge) and not each.interfaces:
        network.append("ConfigureWithoutCarrier=yes")
    match = _match(each.match, each.set_name) if isinstance(each, Ethernet) and each.match else []
    return _sections(
        ("Match", match or [f"Name={name}"]),
        ("Link", link),
        ("Network", network),
        *(("Route", _route(route)) for route in each.routes),
        *(("RoutingPolicyRule", _rule(rule)) for rule in each.routing_policy),
    )


def _above(name: str, interfaces: Mapping[str, AnyInterface]) -> list[str]:
    """Name the interfaces that an interface is a part of."""
    found = []
    for other, each in interfaces.items():
        if isinstance(each, Vlan):
            found += [f"VLAN={other}"] if each.link == name else []
        elif not isinstance(each, Ethernet) and name in each.interfaces:
            found.append(f"{_TITLES[each.KIND]}={other}")
    return sorted(found, key=lambda line: [*_TITLES.values()].index(line.partition("=")[0]))


def _sections(*sections: tuple[str, list[str]]) -> str:
    return "\n".join(f"[{title}]\n" + "".join(f"{line}\n" for line in lines) for title, lines in sections if lines)


def _match(match: Match, new_name: str | None) -> list[str]:
    name = new_name or match.name
    return _lines({"Driver": match.driver, "PermanentMACAddress": match.macaddress, "Name": name})


def _route(route: Route) -> list[str]:
    lines = [] if route.to == "default" else [f"Destination={route.to}"]
    lines.append(f"Gateway={route.via}")
    lines += ["GatewayOnLink=yes"] if route.on_link else []
    return lines + _lines({"Metric": route.metric, "Table": route.table})


def _rule(rule: RoutingRule) -> list[str]:
    return _lines({"From": rule.from_, "To": rule.to, "Table": rule.table, "Priority": rule.priority})
