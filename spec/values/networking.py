"""Host names, IP addresses, networks and interfaces."""

from __future__ import annotations

import re
from typing import Annotated

from .kinds import MismatchError, Number, Text

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"
_SCOPE = r"[A-Za-z0-9_.\-]{1,15}"


def _address(text: str) -> str:
    """Return the address in its shortest form."""
    from ipaddress import ip_address

    _has_no_scope(text)
    try:
        return str(ip_address(text))
    except ValueError:
        raise MismatchError("remove the prefix length" if "/" in text else "") from None


def _server(text: str) -> str:
    """Return the address in its shortest form, with its scope: the interface on which it is reached (RFC 4007)."""
    address, percent, scope = text.partition("%")
    if percent and not re.fullmatch(_SCOPE, scope):
        raise MismatchError("after `%` comes the name of an interface")
    if percent and not address.lower().startswith("fe80:"):
        raise MismatchError(f"only link-local addresses have an interface: remove `%{scope}`")
    return f"{_address(address)}{percent}{scope}"


def _has_no_scope(text: str) -> None:
    """Raise `MismatchError` for a scope: it would reach command lines and files in which it means something else."""
    if "%" in text:
        raise MismatchError("remove everything after the address, from `%` on")


def _sized_address(text: str) -> str:
    """Return an address and its prefix length, in their shortest form."""
    from ipaddress import ip_interface

    _has_no_scope(text)
    try:
        address = str(ip_interface(text))
    except ValueError:
        raise MismatchError from None
    if "/" not in text:
        if "." in text:
            raise MismatchError(f"add the prefix length, which is `{text}/24` for the netmask 255.255.255.0")
        raise MismatchError(f"add the prefix length (for example `{text}/64`)")
    return address


def _destination(text: str) -> str:
    from ipaddress import ip_network

    if text in ("default", "0.0.0.0/0", "::/0"):
        return text
    _has_no_scope(text)
    try:
        network = str(ip_network(text, strict=False))
    except ValueError:
        raise MismatchError from None
    try:
        return str(ip_network(text))
    except ValueError:
        raise MismatchError(f"its host bits are set, so write `{network}`") from None


def _rule_network(text: str) -> str:
    """Return a network that is not `default`: a rule without one fits all packets."""
    if "/" not in text:
        return _address(text)
    if text in ("0.0.0.0/0", "::/0"):
        raise MismatchError("remove it: without it, the rule fits all packets")
    return _destination(text)


def _link_local(text: str) -> str:
    if text == "ipv4":
        raise MismatchError("no program of the system gives out IPv4 link-local addresses: write `[ipv6]` or `[]`")
    if text != "ipv6":
        raise MismatchError
    return text


def _is_number(text: str) -> bool:
    return text.replace(".", "").isdigit()


def _own_name(text: str) -> str:
    if _is_number(text):
        raise MismatchError("IP addresses belong in `network`" if "." in text else "it must contain a letter")
    return text


def _host(text: str) -> str:
    if _is_number(text):
        raise MismatchError(f"the name comes first, as in `db.internal: {text}`")
    return text


HostName = Annotated[
    str,
    Text(
        "a host name of 1 to 64 letters, digits, `-` and `.`",
        ("web-01",),
        pattern=rf"(?=.{{1,64}}$){_NAME}",
        convert=_own_name,
    ),
]
"""RFC 1123, section 2.1. Linux stores at most 64 characters."""
DomainName = Annotated[
    str, Text("a domain name of letters, digits, `-` and `.`", ("example.org",), pattern=rf"(?=.{{1,253}}$){_NAME}")
]
HostsName = Annotated[
    str,
    Text(
        "a host name of letters, digits, `-`, `_` and `.`",
        ("db.internal",),
        pattern=r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?",
        convert=_host,
    ),
]
Address = Annotated[str, Text("an IP address", ("10.0.0.5", "2001:db8::5"), convert=_address)]
ServerAddress = Annotated[
    str,
    Text("an IP address, with an interface if it is link-local", ("9.9.9.9", "fe80::1%eth0"), convert=_server),
]
SizedAddress = Annotated[
    str, Text("an IP address with a prefix length", ("10.0.0.5/24", "2001:db8::5/64"), convert=_sized_address)
]
Destination = Annotated[str, Text("`default` or a network", ("10.1.0.0/16",), convert=_destination)]
InterfaceName = Annotated[
    str,
    Text(
        "an interface name of 1 to 15 letters, digits, `-`, `_` and `.`",
        ("eth0",),
        pattern=r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,14}",
    ),
]
"""Linux stores at most 15 characters."""
InterfaceGlob = Annotated[
    str,
    Text(
        "an interface name of 1 to 15 characters, optionally with `*` and `?`",
        ("en*",),
        pattern=r"[^\s/:;#\"'\\!][^\s/:;#\"'\\]{0,14}",
    ),
]
"""A leading `!` would mean all other interfaces (systemd.network(5))."""
HardwareAddress = Annotated[
    str,
    Text("a MAC address", ("52:54:00:12:34:56",), pattern=r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", convert=str.lower),
]
DriverGlob = Annotated[str, Text("the name of a kernel driver", ("virtio_net",), pattern=r"[A-Za-z0-9_*?\-]{1,64}")]
Metric = Annotated[int, Number("a whole number", least=0, most=0xFFFFFFFF)]
Mtu = Annotated[int, Number("a number of bytes", least=68, most=65535)]
VlanId = Annotated[int, Number("a VLAN ID", least=1, most=4094)]
RouteTable = Annotated[int, Number("the number of a routing table", least=1, most=0xFFFFFFFF)]
RuleNetwork = Annotated[str, Text("an IP address or a network", ("10.0.0.0/24", "2001:db8::5"), convert=_rule_network)]
LinkLocal = Annotated[str, Text("`ipv6`", ("ipv6",), convert=_link_local)]
BridgeSeconds = Annotated[int, Number("a number of seconds", least=0, most=1_000_000)]
BridgePriority = Annotated[int, Number("a priority", least=0, most=65535)]
Milliseconds = Annotated[int, Number("a number of milliseconds", least=0, most=1_000_000)]
