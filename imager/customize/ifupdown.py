"""Interfaces in the words of /etc/network/interfaces (interfaces(5)), for all three programs that read it.

Debian's ifupdown, busybox and ifupdown-ng agree on `auto`, `iface ... inet dhcp` and `iface ... inet manual` with
`up` commands; on most of the rest they do not. So everything fixed is a command of ip(8).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from spec.network import AnyInterface, Bridge, Ethernet, Route, Vlan

if TYPE_CHECKING:
    from collections.abc import Mapping


_HEAD = """\
# By Claylinux, from the key `network`.
auto lo
iface lo inet loopback
"""


def files(interfaces: Mapping[str, AnyInterface]) -> dict[str, str]:
    """Give the content of all files by path. Raises ImagerError for what ifupdown cannot do."""
    lines = resolver(interfaces)
    stanzas = [_stanza(name, interfaces[name], lines) for name in _in_order(interfaces)]
    return {"etc/network/interfaces": "\n".join([_HEAD, *stanzas])}


def _in_order(interfaces: Mapping[str, AnyInterface]) -> list[str]:
    """Return each interface after those that it is made of: `ifup -a` starts them in the order of the file."""
    ordered: list[str] = []
    entered: set[str] = set()  # the language refuses circles; here they must only come to an end

    def add(name: str) -> None:
        if name in entered or name not in interfaces:
            return
        entered.add(name)
        for part in _parts(interfaces[name]):
            add(part)
        ordered.append(name)

    for name in sorted(interfaces, key=lambda name: (Ethernet, Bridge, Vlan).index(type(interfaces[name]))):
        add(name)
    return ordered


def _parts(each: AnyInterface) -> tuple[str, ...]:
    match each:
        case Bridge(interfaces=ports):
            return ports
        case Vlan(link=link):
            return (link,)
        case Ethernet():
            return ()


def resolver(interfaces: Mapping[str, AnyInterface]) -> list[str]:
    """Return the lines of /etc/resolv.conf that all interfaces together make; a DHCP client would leave its own."""
    known = [each.nameservers for each in interfaces.values() if each.nameservers]
    servers = dict.fromkeys(server for each in known for server in each.addresses)
    search = dict.fromkeys(domain for each in known for domain in each.search)
    return [f"nameserver {server}" for server in servers] + ([f"search {' '.join(search)}"] if search else [])


def _stanza(name: str, each: AnyInterface, names: list[str]) -> str:
    if isinstance(each, Ethernet) and each.match:
        raise ImagerError(f"network: {name}: ifupdown knows interfaces by their names only: remove `match`")
    before, after = _device(name, each)
    up = [_ip("link", "set", "dev", name, "mtu", str(each.mtu))] if each.mtu else []
    up += [_ip("link", "set", "dev", name, "up")]
    up += [_ip(*_family(address), "addr", "add", address, "dev", name) for address in each.addresses]
    up += [_route(name, route) for route in each.routes]
    up += [_dhcp6(name)] if each.dhcp6 else []
    if each.nameservers and (each.nameservers.addresses or each.nameservers.search):
        up.append(f"printf '%s\\n' {shlex.join(names)} > /etc/resolv.conf")
    lines = [f"auto {name}", f"iface {name} inet {'dhcp' if each.dhcp4 else 'manual'}"]
    lines += [f"\tpre-up {command}" for command in before]
    lines += [f"\tup {command}" for command in up]
    lines += [f"\tdown {_ip('addr', 'flush', 'dev', name)}", f"\tdown {_ip('link', 'set', 'dev', name, 'down')}"]
    lines += [f"\tpost-down {command}" for command in after]
    return "\n".join(lines) + "\n"


def _device(name: str, each: AnyInterface) -> tuple[list[str], list[str]]:
    """Return the commands that make and remove an interface that is no hardware."""
    if isinstance(each, Vlan):
        make = [
            _ip("link", "set", "dev", each.link, "up"),
            _ip("link", "add", "link", each.link, "name", name, "type", "vlan", "id", str(each.id)),
        ]
    elif isinstance(each, Bridge):
        make = [_ip("link", "add", "name", name, "type", "bridge")]
        for port in each.interfaces:
            make += [_ip("link", "set", "dev", port, "master", name), _ip("link", "set", "dev", port, "up")]
    else:
        return [], []
    return make, [_ip("link", "del", "dev", name)]


def _route(name: str, route: Route) -> str:
    metric = ("metric", str(route.metric)) if route.metric is not None else ()
    on_link = ("onlink",) if route.on_link else ()
    return _ip(*_family(route.via), "route", "add", route.to, "via", route.via, "dev", name, *on_link, *metric)


def _dhcp6(name: str) -> str:
    """Return what asks for an IPv6 address in the background: busybox has no method `dhcp` for inet6."""
    small = shlex.join(["udhcpc6", "-b", "-S", "-R", "-p", f"/run/udhcpc6.{name}.pid", "-i", name])
    return f"if command -v udhcpc6 >/dev/null; then {small}; else {shlex.join(['dhclient', '-6', '-nw', name])}; fi"


def _family(address: str) -> tuple[str, ...]:
    return ("-6",) if ":" in address else ()


def _ip(*words: str) -> str:
    """Return a command of ip(8) as ifup hands it to the shell: no word can be more than a word."""
    return shlex.join(["ip", *words])
