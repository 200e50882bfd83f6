"""How the system reaches others: the keys `dns` and `network`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from .keys import NOTHING, key

if TYPE_CHECKING:
    from .values import networking

_ROUTE_HINTS = dict.fromkeys(
    ("from", "on-link", "scope", "table", "type"), "of netplan's routes there are only `to`, `via` and `metric`"
)
_IN_FILES = "where you need it, write the system's own configuration file in `files`"
_INTERFACE_HINTS = {
    **dict.fromkeys(("gateway4", "gateway6"), "write `routes: [{to: default, via: ADDRESS}]`"),
    **dict.fromkeys(
        (
            "accept-ra", "dhcp-identifier", "dhcp4-overrides", "dhcp6-overrides", "link-local", "macaddress",
            "openvswitch", "parameters", "routing-policy", "set-name", "wakeonlan",
        ),
        _IN_FILES,
    ),
}  # fmt: skip
_NETWORK_HINTS = {
    "renderer": "the network service that the system has is used: leave it out",
    **dict.fromkeys(
        ("bonds", "dummy-devices", "modems", "tunnels", "virtual-ethernets", "vrfs", "wifis"),
        f"of netplan there are only `ethernets`, `bridges` and `vlans`; {_IN_FILES}",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """How the system resolves names."""

    servers: tuple[networking.Address, ...] = key("IP addresses of name servers.", "[9.9.9.9]", default=(), unique=True)
    search: tuple[networking.DomainName, ...] = key(
        "Domains to look short names up in.", "[example.org]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameservers:
    """The name servers that an interface leads to."""

    addresses: tuple[networking.Address, ...] = key("Their IP addresses.", "[9.9.9.9]", default=(), unique=True)
    search: tuple[networking.DomainName, ...] = key(
        "Domains to look short names up in.", "[example.org]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way to other networks."""

    HINTS: ClassVar[Mapping[str, str]] = _ROUTE_HINTS
    to: networking.Destination = key("The network, or `default`.", "default")
    via: networking.Address = key("The address of the gateway.", "10.0.0.1")
    metric: networking.Metric | None = key("Of several ways the one with the lowest is taken.", "100", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What all kinds of interfaces have in common."""

    HINTS: ClassVar[Mapping[str, str]] = _INTERFACE_HINTS
    dhcp4: bool = key("Whether to ask for an IPv4 address.", "true", default=False)
    dhcp6: bool = key("Whether to ask for an IPv6 address.", "true", default=False)
    addresses: tuple[networking.SizedAddress, ...] = key(
        "Fixed addresses with the size of their network.", "[10.0.0.5/24]", default=(), unique=True
    )
    routes: tuple[Route, ...] = key(
        "Ways to other networks.", "[{to: default, via: 10.0.0.1}]", default=(), unique=True
    )
    nameservers: Nameservers | None = key("The name servers that it leads to.", "{addresses: [9.9.9.9]}", default=None)
    mtu: networking.Mtu | None = key("The largest packet, in bytes.", "1400", default=None)
    optional: bool = key("Whether the boot does not wait for it.", "true", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which hardware is meant; all that is said must fit. Only with systemd-networkd."""

    name: networking.InterfaceGlob | None = key("Its name, with `*`.", '"en*"', default=None)
    macaddress: networking.HardwareAddress | None = key("Its hardware address.", "52:54:00:12:34:56", default=None)
    driver: networking.DriverGlob | None = key("The driver of the kernel.", "virtio_net", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ethernet(Interface):
    """A wired interface."""

    match: Match | None = key(
        "Which hardware is meant. Default: the interface of this name.", '{name: "en*"}', default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Interface):
    """A switch between interfaces."""

    KIND: ClassVar[str] = "bridge"

    interfaces: tuple[networking.InterfaceName, ...] = key(
        "The interfaces that it connects.", "[eth1, eth2]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan(Interface):
    """A tagged network on another interface."""

    KIND: ClassVar[str] = "vlan"

    id: networking.VlanId = key("Its number.", "42")
    link: networking.InterfaceName = key("The interface that it is on.", "eth0")


AnyInterface = Ethernet | Bridge | Vlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The interfaces, in a part of netplan's words (version 2)."""

    HINTS: ClassVar[Mapping[str, str]] = _NETWORK_HINTS
    version: Literal["2"] = key("The version of netplan's format.", "2", default="2")
    ethernets: Mapping[networking.InterfaceName, Ethernet] = key(
        "Wired interfaces by name.", "{eth0: {dhcp4: true}}", default=NOTHING
    )
    bridges: Mapping[networking.InterfaceName, Bridge] = key(
        "Bridges by name.", "{br0: {interfaces: [eth1], dhcp4: true}}", default=NOTHING
    )
    vlans: Mapping[networking.InterfaceName, Vlan] = key(
        "VLANs by name.", "{vlan42: {id: 42, link: eth0, dhcp4: true}}", default=NOTHING
    )

    @property
    def interfaces(self) -> Mapping[str, AnyInterface]:
        """All interfaces by name."""
        return {**self.ethernets, **self.bridges, **self.vlans}
