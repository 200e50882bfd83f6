"""How the system reaches others: the key `dns`."""

from __future__ import annotations

from dataclasses import dataclass

from .. import addresses
from .keys import key


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """How the system resolves names."""

    servers: tuple[addresses.Address, ...] = key("IP addresses of name servers.", "[9.9.9.9]", default=(), unique=True)
    search: tuple[addresses.DomainName, ...] = key(
        "Domains to look short names up in.", "[example.org]", default=(), unique=True
    )
