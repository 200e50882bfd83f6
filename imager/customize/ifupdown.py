"""Interfaces in the words of /etc/network/interfaces (interfaces(5)), for all three programs that read it.

Debian's ifupdown, busybox and ifupdown-ng agree on `auto`, `iface ... inet dhcp` and `iface ... inet manual` with
`up` commands; on most of the rest they do not. So everything fixed is a command of ip(8).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.customize.network import Interface

_HEAD = """\
# By Claylinux, from the key `network`.
auto lo
iface lo inet loopback
"""


def files(interfaces: tuple[Interface, ...]) -> dict[str, str]:
    """Give the content of all files by path. Raises ImagerError for what ifupdown cannot do."""
    lines = resolver(interfaces)
    stanzas = [_stanza(each, lines) for each in _in_order(interfaces)]
    return {"etc/network/interfaces": "\n".join([_HEAD, *stanzas])}


def _in_order(interfaces: tuple[Interface, ...]) -> list[Interface]:
    """Give each interface after those that it is made of: `ifup -a` starts them in the order of the file."""
    known = {each.name: each for each in interfaces}
    ordered: dict[str, Interface] = {}
    entered: set[str] = set()  # the language refuses circles; here they must only come to an end

    def add(each: Interface) -> None:
        if each.name in entered:
            return
        entered.add(each.name)
        for part in filter(None, (*each.interfaces, each.link)):
            if part in known:
                add(known[part])
        ordered[each.name] = each

    for each in sorted(interfaces, key=lambda each: ("ethernet", "bridge", "vlan").index(each.kind)):
        add(each)
    return list(ordered.values())


def resolver(interfaces: tuple[Interface, ...]) -> list[str]:
    """Give the lines of /etc/resolv.conf that all interfaces together make; a DHCP client would leave its own."""
    servers = dict.fromkeys(server for each in interfaces for server in each.nameservers)
    search = dict.fromkeys(domain for each in interfaces for domain in each.search)
    return [f"nameserver {server}" for server in servers] + ([f"search {' '.join(search)}"] if search else [])


def _stanza(each: Interface, names: list[str]) -> str:
    if each.match:
        raise ImagerError(f"network: {each.name}: ifupdown knows interfaces by their names only: remove `match`")
    name = each.name
    before, after = _device(each)
    up = [f"ip link set dev {name} mtu {each.mtu}"] if each.mtu else []
    up += [f"ip link set dev {name} up"]
    up += [f"ip {_family(address)}addr add {address} dev {name}" for address in each.addresses]
    up += [_route(name, route) for route in each.routes]
    up += [_dhcp6(name)] if each.dhcp6 else []
    if each.nameservers or each.search:
        up.append(f"printf '%s\\n' {shlex.join(names)} > /etc/resolv.conf")
    lines = [f"auto {name}", f"iface {name} inet {'dhcp' if each.dhcp4 else 'manual'}"]
    lines += [f"\tpre-up {command}" for command in before]
    lines += [f"\tup {command}" for command in up]
    lines += [f"\tdown ip addr flush dev {name}", f"\tdown ip link set dev {name} down"]
    lines += [f"\tpost-down {command}" for command in after]
    return "\n".join(lines) + "\n"


def _device(each: Interface) -> tuple[list[str], list[str]]:
    """Give the commands that make and remove an interface that is no hardware."""
    name = each.name
    if each.kind == "vlan":
        make = [f"ip link set dev {each.link} up", f"ip link add link {each.link} name {name} type vlan id {each.id}"]
    elif each.kind == "bridge":
        make = [f"ip link add name {name} type bridge"]
        for port in each.interfaces:
            make += [f"ip link set dev {port} master {name}", f"ip link set dev {port} up"]
    else:
        return [], []
    return make, [f"ip link del dev {name}"]


def _route(name: str, route: Mapping[str, Any]) -> str:
    metric = f" metric {route['metric']}" if route.get("metric") is not None else ""
    return f"ip {_family(route['via'])}route add {route['to']} via {route['via']} dev {name}{metric}"


def _dhcp6(name: str) -> str:
    """Give what asks for an IPv6 address in the background: busybox has no method `dhcp` for inet6."""
    own = f"udhcpc6 -b -S -R -p /run/udhcpc6.{name}.pid -i {name}"
    return f"if command -v udhcpc6 >/dev/null; then {own}; else dhclient -6 -nw {name}; fi"


def _family(address: str) -> str:
    return "-6 " if ":" in address else ""
