"""Host names, IP addresses, networks and interfaces."""

from __future__ import annotations

from typing import Annotated

from .kinds import Number, Text
from .wording import quote

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"


def _address(text: str) -> str:
    """Return the address in its shortest form."""
    from ipaddress import ip_address

    try:
        return str(ip_address(text))
    except ValueError:
        hint = ": leave the network's size off" if "/" in text else ""
        raise ValueError(f"expected an IP address such as 10.0.0.5 or 2001:db8::5, not {quote(text)}{hint}") from None


def _sized_address(text: str) -> str:
    """Return an address with the size of its network, both in their shortest form."""
    from ipaddress import ip_interface

    example = "10.0.0.5/24 or 2001:db8::5/64"
    try:
        address = str(ip_interface(text))
    except ValueError:
        raise ValueError(
            f"expected an address with the size of its network, such as {example}, not {quote(text)}"
        ) from None
    if "/" not in text:
        raise ValueError(f"the size of the network is missing: write {text}/24 if its netmask is 255.255.255.0"
                         if "." in text else f"the size of the network is missing: write {text}/64")  # fmt: skip
    return address


def _destination(text: str) -> str:
    from ipaddress import ip_network

    if text in ("default", "0.0.0.0/0", "::/0"):
        return text
    try:
        return str(ip_network(text))
    except ValueError as error:
        hint = ": its host bits are set" if "host bits" in str(error) else ""
        raise ValueError(f"expected `default` or a network such as 10.1.0.0/16, not {quote(text)}{hint}") from None


def _is_number(text: str) -> bool:
    return text.replace(".", "").isdigit()


def _own_name(text: str) -> str:
    if _is_number(text):
        raise ValueError(f"a host has a name, such as web-01, not only numbers: {text} belongs into `network`"
                         if "." in text else "a host has a name, such as web-01, not only numbers")  # fmt: skip
    return text


def _host(text: str) -> str:
    if _is_number(text):
        raise ValueError(f"a host has a name, not only numbers: write `name: {text}`")
    return text


HostName = Annotated[
    str,
    Text(
        expected="a host name of at most 64 letters, digits, `-` and `.`, such as web-01",
        pattern=rf"(?=.{{1,64}}$){_NAME}",
        convert=_own_name,
    ),
]
"""RFC 1123, section 2.1; 64 is what Linux can store."""
DomainName = Annotated[
    str,
    Text(expected="a domain of letters, digits, `-` and `.`, such as example.org", pattern=rf"(?=.{{1,253}}$){_NAME}"),
]
HostsName = Annotated[
    str,
    Text(
        expected="a host name of letters, digits, `-`, `_` and `.`, such as db.internal",
        pattern=r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_])?",
        convert=_host,
    ),
]
Address = Annotated[str, Text(expected="an IP address such as 10.0.0.5 or 2001:db8::5", convert=_address)]
SizedAddress = Annotated[
    str,
    Text(expected="an address with the size of its network, such as 10.0.0.5/24", convert=_sized_address),
]
Destination = Annotated[str, Text(expected="`default` or a network such as 10.1.0.0/16", convert=_destination)]
InterfaceName = Annotated[
    str,
    Text(
        expected="a name of at most 15 letters, digits, `-`, `_` and `.`, such as eth0",
        pattern=r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,14}",
    ),
]
"""What Linux can store."""
InterfaceGlob = Annotated[
    str,
    Text(
        expected="the name of an interface, with `*` and `?` if need be, such as en*", pattern=r"[^\s/:;#\"'\\]{1,15}"
    ),
]
HardwareAddress = Annotated[
    str,
    Text(
        expected="a hardware address, such as 52:54:00:12:34:56",
        pattern=r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}",
        convert=str.lower,
    ),
]
DriverGlob = Annotated[
    str, Text(expected="the name of a kernel driver, such as virtio_net", pattern=r"[A-Za-z0-9_*?\-]{1,64}")
]
Metric = Annotated[int, Number(expected="a whole number", least=0, most=0xFFFFFFFF)]
Mtu = Annotated[int, Number(expected="a number of bytes", least=68, most=65535)]
VlanId = Annotated[int, Number(expected="the number of a VLAN", least=1, most=4094)]
