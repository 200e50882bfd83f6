"""The network interfaces: the key `network`."""

from __future__ import annotations

import llb
from frontend.options import DEFAULT_EPOCH
from imager.requests import network

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Step, edit_system


def add_network(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with its interfaces set up for the network service that it has."""
    spec = inputs.spec
    if spec.network is None:
        return system
    interfaces = dict(sorted(spec.network.interfaces.items()))
    request = network.Network(system=SYSTEM, interface=interfaces, epoch=DEFAULT_EPOCH)
    step = Step(f"[network] {' '.join(interfaces)}", places.location_of(spec, "network"), ("network",))
    return edit_system(inputs, system, request, step)
