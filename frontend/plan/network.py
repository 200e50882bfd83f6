"""The network interfaces: the key `network`."""

from __future__ import annotations

from collections.abc import Iterator

from frontend.options import DEFAULT_EPOCH
from imager.requests.network import Network

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Edit, Step


def network(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that sets up the interfaces for the network service that the system has."""
    spec = inputs.spec
    if spec.network is None:
        return
    interfaces = dict(sorted(spec.network.interfaces.items()))
    request = Network(system=SYSTEM, interface=interfaces, epoch=DEFAULT_EPOCH)
    yield Edit(request, Step(f"[network] {' '.join(interfaces)}", places.location_of(spec, "network"), ("network",)))
