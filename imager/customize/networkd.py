"""Interfaces in the words of systemd-networkd (systemd.network(5), systemd.netdev(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.customize.network import Interface
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


def files(interfaces: tuple[Interface, ...]) -> dict[str, str]:
    """Give the content of all files by path."""
    made: dict[str, str] = {_WAIT: _wait(interfaces)}
    for each in interfaces:
        if each.kind != "ethernet":
            made[f"{_FOLDER}/10-claylinux-{each.name}.netdev"] = _HEAD + _netdev(each)
        made[f"{_FOLDER}/10-claylinux-{each.name}.network"] = _HEAD + _network(each, interfaces)
    return made


def _wait(interfaces: tuple[Interface, ...]) -> str:
    """Tell when the network counts as up: once all interfaces are that are not optional."""
    program = "/usr/bin/true"
    if not all(each.optional for each in interfaces):
        program = f"/usr/lib/systemd/systemd-networkd-wait-online --timeout={_WAIT_LIMIT}"
    return f"{_HEAD}[Service]\nExecStart=\nExecStart={program}\n"


def _netdev(each: Interface) -> str:
    text = f"[NetDev]\nName={each.name}\nKind={each.kind}\n"
    return f"{text}\n[VLAN]\nId={each.id}\n" if each.kind == "vlan" else text


def _network(each: Interface, interfaces: tuple[Interface, ...]) -> str:
    dhcp = {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6", (False, False): "no"}
    words = {"name": "Name", "macaddress": "PermanentMACAddress", "driver": "Driver"}
    match = [f"{words[key]}={value}" for key, value in sorted(each.match.items())] or [f"Name={each.name}"]
    link = [f"MTUBytes={each.mtu}"] if each.mtu else []
    link += ["RequiredForOnline=no"] if each.optional else []
    network = [f"DHCP={dhcp[each.dhcp4, each.dhcp6]}"]
    network += [f"Address={address}" for address in each.addresses]
    network += [f"DNS={server}" for server in each.nameservers]
    network += [f"Domains={' '.join(each.search)}"] if each.search else []
    network += [f"Bridge={other.name}" for other in interfaces if each.name in other.interfaces]
    network += [f"VLAN={other.name}" for other in interfaces if other.link == each.name]
    if each.kind == "bridge" and not each.interfaces:
        network.append("ConfigureWithoutCarrier=yes")
    sections = [("Match", match), ("Link", link), ("Network", network), *(("Route", _route(r)) for r in each.routes)]
    return "\n".join(f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections if lines)


def _route(route: Mapping[str, Any]) -> list[str]:
    to = route["to"]
    lines = [f"Gateway={route['via']}"] if to == "default" else [f"Destination={to}", f"Gateway={route['via']}"]
    return lines + ([f"Metric={route['metric']}"] if route.get("metric") is not None else [])
