"""What runs once a system is up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from imager.request import Request
from spec.services import Service


@dataclass(frozen=True, kw_only=True)
class Services(Request):
    """Make the user's own services known to the init system of `system`, and switch services on and off.

    `needed_by`: other keys whose services have to start: mounts, network, keyboard, swap. `lenient`: a service that
    does not exist is a warning. `yielding`: services to switch off, each with the one that does its work instead.
    """

    performed_by: ClassVar[str] = "customize.services"
    system: str
    service: Mapping[str, Service]
    needed_by: tuple[str, ...] = ()
    lenient: bool = False
    yielding: Mapping[str, str] = field(default_factory=dict)
    epoch: int
