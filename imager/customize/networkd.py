"""Interfaces in the words of systemd-networkd (systemd.network(5), systemd.netdev(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec.network import AnyInterface, Bridge, Ethernet, Match, Route, Vlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.rootfs.root import Root

_FOLDER = "etc/systemd/network"
_WAIT = "etc/systemd/system/systemd-networkd-wait-online.service.d/claylinux.conf"
_WAIT_LIMIT = 60
"""Seconds until the boot goes on without an interface that is not optional."""
REPLACED = (f"{_FOLDER}/80-claylinux-dhcp.network", _WAIT)
"""What a preset has written for a system without the key `network`."""
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
        made[f"{_FOLDER}/10-claylinux-{name}.network"] = _HEAD + _network(name, each, interfaces)
    return made


def _wait(interfaces: Mapping[str, AnyInterface]) -> str:
    """Tell when the network counts as up: once all interfaces are that are not optional."""
    program = "/usr/bin/true"
    if not all(each.optional for each in interfaces.values()):
        program = f"/usr/lib/systemd/systemd-networkd-wait-online --timeout={_WAIT_LIMIT}"
    return f"{_HEAD}[Service]\nExecStart=\nExecStart={program}\n"


def _netdev(name: str, each: Bridge | Vlan) -> str:
    text = f"[NetDev]\nName={name}\nKind={each.KIND}\n"
    return f"{text}\n[VLAN]\nId={each.id}\n" if isinstance(each, Vlan) else text


def _network(name: str, each: AnyInterface, interfaces: Mapping[str, AnyInterface]) -> str:
    dhcp = {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6", (False, False): "no"}
    match = _match(each.match) if isinstance(each, Ethernet) and each.match else []
    link = [f"MTUBytes={each.mtu}"] if each.mtu else []
    link += ["RequiredForOnline=no"] if each.optional else []
    network = [f"DHCP={dhcp[each.dhcp4, each.dhcp6]}"]
    network += [f"Address={address}" for address in each.addresses]
    if each.nameservers:
        network += [f"DNS={server}" for server in each.nameservers.addresses]
        network += [f"Domains={' '.join(each.nameservers.search)}"] if each.nameservers.search else []
    network += [f"Bridge={other}" for other, bridge in interfaces.items() if name in _ports(bridge)]
    network += [f"VLAN={other}" for other, vlan in interfaces.items() if isinstance(vlan, Vlan) and vlan.link == name]
    if isinstance(each, Bridge) and not each.interfaces:
        network.append("ConfigureWithoutCarrier=yes")
    sections = [
        ("Match", match or [f"Name={name}"]),
        ("Link", link),
        ("Network", network),
        *(("Route", _route(route)) for route in each.routes),
    ]
    return "\n".join(f"[{title}]\n" + "".join(f"{line}\n" for line in lines) for title, lines in sections if lines)


def _match(match: Match) -> list[str]:
    words = {"Driver": match.driver, "PermanentMACAddress": match.macaddress, "Name": match.name}
    return [f"{word}={value}" for word, value in words.items() if value is not None]


def _ports(each: AnyInterface) -> tuple[str, ...]:
    return each.interfaces if isinstance(each, Bridge) else ()


def _route(route: Route) -> list[str]:
    lines = [] if route.to == "default" else [f"Destination={route.to}"]
    lines.append(f"Gateway={route.via}")
    lines += ["GatewayOnLink=yes"] if route.on_link else []
    return lines + ([f"Metric={route.metric}"] if route.metric is not None else [])
