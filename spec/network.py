"""The network of the system: the keys `dns` and `network`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from .keys import NOTHING, key

if TYPE_CHECKING:
    from .values import networking

_ROUTE_HINTS = dict.fromkeys(
    ("from", "scope", "table", "type"), "routes support only `to`, `via`, `on-link` and `metric`"
)
_IN_FILES = "if you need it, write a configuration file of the network service with `files`"


def _setting(kind: str, section: str, line: str) -> str:
    place = f"/etc/systemd/network/10-claylinux-NAME.{kind}.d/more.conf"
    return f'with systemd-networkd, write `files: {{{place}: "[{section}]\\n{line}\\n"}}`, NAME being the interface'


_LINK_FILE = 'with systemd, write `files: {{/etc/systemd/network/10-NAME.link: "[Match]\\n{}\\n[Link]\\n{}\\n"}}`'
_INTERFACE_HINTS = {
    **dict.fromkeys(("gateway4", "gateway6"), "write `routes: [{to: default, via: ADDRESS}]`"),
    "set-name": "remove it: `match` finds the interface whatever its name. To rename it, "
    + _LINK_FILE.format("PermanentMACAddress=...", "Name=..."),
    "wakeonlan": _LINK_FILE.format("OriginalName=...", "WakeOnLan=magic"),
    "dhcp4-overrides": _setting("network", "DHCPv4", "UseRoutes=no"),
    "dhcp6-overrides": _setting("network", "DHCPv6", "UseDNS=no"),
    "dhcp-identifier": _setting("network", "DHCPv4", "ClientIdentifier=mac"),
    "link-local": _setting("network", "Network", "LinkLocalAddressing=no"),
    "accept-ra": _setting("network", "Network", "IPv6AcceptRA=no"),
    "macaddress": _setting("network", "Link", "MACAddress=..."),
    "parameters": _setting("netdev", "Bridge", "STP=no"),
    "routing-policy": _setting("network", "RoutingPolicyRule", "From=...\\nTable=..."),
    "openvswitch": _IN_FILES,
}
_NETWORK_HINTS = {
    "renderer": "remove it: the system uses its own network service",
    **dict.fromkeys(
        ("bonds", "dummy-devices", "modems", "tunnels", "virtual-ethernets", "vrfs", "wifis"),
        f"`network` supports only `ethernets`, `bridges` and `vlans`; {_IN_FILES}",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """Name resolution of the system."""

    servers: tuple[networking.ServerAddress, ...] = key(
        "IP addresses of name servers.", "[9.9.9.9]", default=(), unique=True
    )
    search: tuple[networking.DomainName, ...] = key(
        "Domains to search for short names.", "[example.org]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameservers:
    """The name servers of an interface."""

    addresses: tuple[networking.ServerAddress, ...] = key(
        "IP addresses of name servers.", "[9.9.9.9]", default=(), unique=True
    )
    search: tuple[networking.DomainName, ...] = key(
        "Domains to search for short names.", "[example.org]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route to other networks."""

    HINTS: ClassVar[Mapping[str, str]] = _ROUTE_HINTS
    to: networking.Destination = key("The destination network, or `default`.", "default")
    via: networking.Address = key("The address of the gateway.", "10.0.0.1")
    on_link: bool = key(
        "Whether the gateway is on this link, although no address of the interface says so.",
        "true",
        default=False,
        name="on-link",
    )
    metric: networking.Metric | None = key(
        "The priority: the route with the lowest metric is used.", "100", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """The keys of all kinds of interfaces."""

    HINTS: ClassVar[Mapping[str, str]] = _INTERFACE_HINTS
    dhcp4: bool = key("Whether to get an IPv4 address by DHCP.", "true", default=False)
    dhcp6: bool = key("Whether to get an IPv6 address by DHCP.", "true", default=False)
    addresses: tuple[networking.SizedAddress, ...] = key(
        "Static IP addresses with prefix lengths.", "[10.0.0.5/24]", default=(), unique=True
    )
    routes: tuple[Route, ...] = key(
        "Routes to other networks.", "[{to: default, via: 10.0.0.1}]", default=(), unique=True
    )
    nameservers: Nameservers | None = key("The name servers of this interface.", "{addresses: [9.9.9.9]}", default=None)
    mtu: networking.Mtu | None = key("The maximum packet size in bytes.", "1400", default=None)
    optional: bool = key("Whether the boot continues without waiting for it.", "true", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The hardware of an interface: all keys must match. Only for systemd-networkd."""

    name: networking.InterfaceGlob | None = key(
        "The name of the interface; `*` matches any text.", '"en*"', default=None
    )
    macaddress: networking.HardwareAddress | None = key("The MAC address.", "52:54:00:12:34:56", default=None)
    driver: networking.DriverGlob | None = key("The kernel driver.", "virtio_net", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ethernet(Interface):
    """A wired interface."""

    match: Match | None = key("The hardware. Default: the interface with this name.", '{name: "en*"}', default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Interface):
    """A bridge that connects interfaces."""

    KIND: ClassVar[str] = "bridge"

    interfaces: tuple[networking.InterfaceName, ...] = key(
        "The interfaces to connect.", "[eth1, eth2]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan(Interface):
    """A VLAN on another interface."""

    KIND: ClassVar[str] = "vlan"

    id: networking.VlanId = key("The VLAN ID.", "42")
    link: networking.InterfaceName = key("The interface that carries the VLAN.", "eth0")


AnyInterface = Ethernet | Bridge | Vlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The network interfaces, in a subset of the netplan format (version 2)."""

    HINTS: ClassVar[Mapping[str, str]] = _NETWORK_HINTS
    version: Literal["2"] = key("The version of the netplan format.", "2", default="2")
    ethernets: Mapping[networking.InterfaceName, Ethernet] = key(
        "Wired interfaces, by name.", "{eth0: {dhcp4: true}}", default=NOTHING
    )
    bridges: Mapping[networking.InterfaceName, Bridge] = key(
        "Bridges, by name.", "{br0: {interfaces: [eth1], dhcp4: true}}", default=NOTHING
    )
    vlans: Mapping[networking.InterfaceName, Vlan] = key(
        "VLANs, by name.", "{vlan42: {id: 42, link: eth0, dhcp4: true}}", default=NOTHING
    )

    @property
    def interfaces(self) -> Mapping[str, AnyInterface]:
        """All interfaces by name."""
        return {**self.ethernets, **self.bridges, **self.vlans}
