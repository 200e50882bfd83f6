"""How a system reaches others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request
from spec.network import AnyInterface


@dataclass(frozen=True, kw_only=True)
class Network(Request):
    """Set each `interface` up for the network service that `system` has."""

    performed_by: ClassVar[str] = "customize.network"
    system: str
    interface: Mapping[str, AnyInterface]
    epoch: int
