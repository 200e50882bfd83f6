"""Interfaces in the words of /etc/network/interfaces (interfaces(5)), for all three programs that read it.

Debian's ifupdown, busybox and ifupdown-ng agree on `auto`, `iface ... inet dhcp` and `iface ... inet manual` with
`up` commands; on most of the rest they do not. So everything fixed is a command of ip(8).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.customize import ifupdown_devices
from imager.customize.ifupdown_devices import ip as _ip
from spec.network import AnyInterface, Bond, Bridge, Ethernet, Vlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec.network import Route, RoutingRule


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

    for name in sorted(interfaces, key=lambda name: (Ethernet, Bond, Bridge, Vlan).index(type(interfaces[name]))):
        add(name)
    return ordered


def _parts(each: AnyInterface) -> tuple[str, ...]:
    match each:
        case Bond(interfaces=ports) | Bridge(interfaces=ports):
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
    before, after = ifupdown_devices.commands(name, each)
    before += [_ip("link", "set", "dev", name, "address", each.macaddress)] if each.macaddress else []
    before += _ipv6(name, each)
    up = [_ip("link", "set", "dev", name, "mtu", str(each.mtu))] if each.mtu else []
    up += [_ip("link", "set", "dev", name, "up")]
    up += [_ip(*_family(address), "addr", "add", address, "dev", name) for address in each.addresses]
    up += [_route(name, route) for route in each.routes]
    up += [_rule("add", rule) for rule in each.routing_policy]
    up += [_dhcp6(name)] if each.dhcp6 else []
    if each.nameservers and (each.nameservers.addresses or each.nameservers.search):
        up.append(f"printf '%s\\n' {shlex.join(names)} > /etc/resolv.conf")
    lines = [f"auto {name}", f"iface {name} inet {'dhcp' if each.dhcp4 else 'manual'}"]
    lines += [f"\tpre-up {command}" for command in before]
    lines += [f"\tup {command}" for command in up]
    lines += [f"\tdown {_rule('del', rule)}" for rule in each.routing_policy]
    lines += [f"\tdown {_ip('addr', 'flush', 'dev', name)}", f"\tdown {_ip('link', 'set', 'dev', name, 'down')}"]
    lines += [f"\tpost-down {command}" for command in after]
    return "\n".join(lines) + "\n"


def _ipv6(name: str, each: AnyInterface) -> list[str]:
    """Return what to tell the kernel before it makes addresses. A kernel without IPv6 has no such files."""
    values = {} if each.accept_ra is None else {"accept_ra": "1" if each.accept_ra else "0"}
    if each.link_local is not None:
        values["addr_gen_mode"] = "0" if each.link_local else "1"
    folder = f"/proc/sys/net/ipv6/conf/{name}"
    return [f"[ ! -e {folder}/{file} ] || echo {value} > {folder}/{file}" for file, value in values.items()]


def _route(name: str, route: Route) -> str:
    metric = ("metric", str(route.metric)) if route.metric is not None else ()
    on_link = ("onlink",) if route.on_link else ()
    table = ("table", str(route.table)) if route.table is not None else ()
    return _ip(*_family(route.via), "route", "add", route.to, "via", route.via, "dev", name, *on_link, *metric, *table)


def _rule(verb: str, rule: RoutingRule) -> str:
    """Return the command that adds or removes a rule."""
    words = [*(("from", rule.from_) if rule.from_ else ()), *(("to", rule.to) if rule.to else ())]
    words += ["table", str(rule.table), *(("priority", str(rule.priority)) if rule.priority is not None else ())]
    return _ip(*_family(rule.from_ or rule.to or ""), "rule", verb, *words)


def _dhcp6(name: str) -> str:
    """Return what asks for an IPv6 address in the background: busybox has no method `dhcp` for inet6."""
    small = shlex.join(["udhcpc6", "-b", "-S", "-R", "-p", f"/run/udhcpc6.{name}.pid", "-i", name])
    return f"if command -v udhcpc6 >/dev/null; then {small}; else {shlex.join(['dhclient', '-6', '-nw', name])}; fi"


def _family(address: str) -> tuple[str, ...]:
    return ("-6",) if ":" in address else ()
