"""The network of the system: the keys `dns` and `network`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from . import network_hints
from .keys import NOTHING, key

if TYPE_CHECKING:
    from .values import networking


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

    HINTS: ClassVar[Mapping[str, str]] = network_hints.ROUTE
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
    table: networking.RouteTable | None = key("The routing table. Default: the main one.", "100", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """A rule for which packets use which routing table. The first one that fits is used, by priority."""

    from_: networking.RuleNetwork | None = key(
        "The network that packets come from.", "10.0.0.0/24", default=None, name="from"
    )
    to: networking.RuleNetwork | None = key("The network that packets go to.", "10.1.0.0/16", default=None)
    table: networking.RouteTable = key("The routing table that they use.", "100")
    priority: networking.Metric | None = key("The priority: rules with lower numbers come first.", "1000", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """The keys of all kinds of interfaces."""

    HINTS: ClassVar[Mapping[str, str]] = network_hints.INTERFACE
    dhcp4: bool = key("Whether to get an IPv4 address by DHCP.", "true", default=False)
    dhcp6: bool = key("Whether to get an IPv6 address by DHCP.", "true", default=False)
    addresses: tuple[networking.SizedAddress, ...] = key(
        "Static IP addresses with prefix lengths.", "[10.0.0.5/24]", default=(), unique=True
    )
    routes: tuple[Route, ...] = key(
        "Routes to other networks.", "[{to: default, via: 10.0.0.1}]", default=(), unique=True
    )
    nameservers: Nameservers | None = key("The name servers of this interface.", "{addresses: [9.9.9.9]}", default=None)
    routing_policy: tuple[RoutingRule, ...] = key(
        "Which packets use which routing table.",
        "[{from: 10.0.0.0/24, table: 100}]",
        default=(),
        unique=True,
        name="routing-policy",
    )
    link_local: tuple[networking.LinkLocal, ...] | None = key(
        "Whether it has a link-local IPv6 address: `[ipv6]`, or `[]` for none. Default: yes.",
        "[]",
        default=None,
        unique=True,
        name="link-local",
    )
    accept_ra: bool | None = key(
        "Whether it takes addresses and routes from IPv6 routers. Default: as the network service does.",
        "false",
        default=None,
        name="accept-ra",
    )
    macaddress: networking.HardwareAddress | None = key(
        "The MAC address that it uses instead of its own.", "52:54:00:12:34:57", default=None
    )
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
    set_name: networking.InterfaceName | None = key(
        "The name that it gets. It needs `match`, with a MAC address or a driver.",
        "lan0",
        default=None,
        name="set-name",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeParameters:
    """The settings of a bridge. Times are in seconds."""

    HINTS: ClassVar[Mapping[str, str]] = network_hints.BRIDGE
    stp: bool | None = key("Whether it avoids loops by the spanning tree protocol.", "false", default=None)
    forward_delay: networking.BridgeSeconds | None = key(
        "How long a new port listens and learns before it forwards.", "0", default=None, name="forward-delay"
    )
    hello_time: networking.BridgeSeconds | None = key(
        "How often it sends messages of the spanning tree protocol.", "2", default=None, name="hello-time"
    )
    max_age: networking.BridgeSeconds | None = key(
        "How long such a message counts.", "20", default=None, name="max-age"
    )
    ageing_time: networking.BridgeSeconds | None = key(
        "How long it remembers a MAC address.", "300", default=None, name="ageing-time"
    )
    priority: networking.BridgePriority | None = key(
        "The priority: the bridge with the lowest number becomes the root.", "32768", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Interface):
    """A bridge that connects interfaces."""

    KIND: ClassVar[str] = "bridge"

    interfaces: tuple[networking.InterfaceName, ...] = key(
        "The interfaces to connect.", "[eth1, eth2]", default=(), unique=True
    )
    parameters: BridgeParameters | None = key("The settings of the bridge.", "{stp: false}", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BondParameters:
    """The settings of a bond."""

    HINTS: ClassVar[Mapping[str, str]] = network_hints.BOND
    mode: (
        Literal["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"]
        | None
    ) = key("How it uses its interfaces. Default: `balance-rr`.", "active-backup", default=None)
    mii_monitor_interval: networking.Milliseconds | None = key(
        "How often it looks whether a link is up, in milliseconds.", "100", default=None, name="mii-monitor-interval"
    )
    lacp_rate: Literal["slow", "fast"] | None = key(
        "How often it sends messages of LACP: every 30 seconds (`slow`) or every second (`fast`).",
        "fast",
        default=None,
        name="lacp-rate",
    )
    transmit_hash_policy: Literal["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"] | None = key(
        "What decides which interface sends a packet.", "layer3+4", default=None, name="transmit-hash-policy"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond(Interface):
    """Several interfaces that work as one."""

    KIND: ClassVar[str] = "bond"

    interfaces: tuple[networking.InterfaceName, ...] = key(
        "The interfaces that it uses.", "[eth1, eth2]", default=(), unique=True
    )
    parameters: BondParameters | None = key("The settings of the bond.", "{mode: active-backup}", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan(Interface):
    """A VLAN on another interface."""

    KIND: ClassVar[str] = "vlan"

    id: networking.VlanId = key("The VLAN ID.", "42")
    link: networking.InterfaceName = key("The interface that carries the VLAN.", "eth0")


AnyInterface = Ethernet | Bond | Bridge | Vlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The network interfaces, in a subset of the netplan format (version 2)."""

    HINTS: ClassVar[Mapping[str, str]] = network_hints.NETWORK
    version: Literal["2"] = key("The version of the netplan format.", "2", default="2")
    ethernets: Mapping[networking.InterfaceName, Ethernet] = key(
        "Wired interfaces, by name.", "{eth0: {dhcp4: true}}", default=NOTHING
    )
    bonds: Mapping[networking.InterfaceName, Bond] = key(
        "Bonds, by name.",
        "{bond0: {interfaces: [eth1, eth2], parameters: {mode: active-backup}, dhcp4: true}}",
        default=NOTHING,
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
        return {**self.ethernets, **self.bonds, **self.bridges, **self.vlans}
