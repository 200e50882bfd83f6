"""Host names and IP addresses."""

from __future__ import annotations

from typing import Annotated

from .diagnostics import quote
from .kinds import Text

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


def _host(text: str) -> str:
    if text.replace(".", "").isdigit():
        raise ValueError(f"a host has a name, not only numbers: write `name: {text}`")
    return text


HostName = Annotated[
    str,
    Text(
        expected="a host name of at most 64 letters, digits, `-` and `.`, such as web-01",
        pattern=rf"(?=.{{1,64}}$){_NAME}",
        convert=_host,
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
