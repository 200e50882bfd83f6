"""The identity of the system: `name` and `version` in its os-release."""

from __future__ import annotations

import llb
from frontend.options import DEFAULT_EPOCH
from imager.requests.identity import Identity

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Step, edit_system


def add_identity(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the name and version of the spec; unchanged if it has neither."""
    spec = inputs.spec
    if not spec.version and not spec.positions.has("name"):
        return system
    request = Identity(system=SYSTEM, name=spec.name, version=spec.version or "", epoch=DEFAULT_EPOCH)
    title = f"{spec.name} {spec.version}" if spec.version else spec.name
    step = Step(f"[system] os-release: {title}", places.location_of(spec, "version" if spec.version else "name"))
    return edit_system(inputs, system, request, step)
