"""What the running system mounts: the key `mounts`."""

from __future__ import annotations

import llb
from frontend.options import DEFAULT_EPOCH
from imager.requests.mounts import Mounts

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Step, edit_system


def add_mounts(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the file systems table of the spec."""
    spec = inputs.spec
    if not spec.mounts:
        return system
    mounts = dict(sorted(spec.mounts.items()))
    request = Mounts(system=SYSTEM, mount=mounts, epoch=DEFAULT_EPOCH)
    step = Step(f"[mounts] {' '.join(mounts)}", places.location_of(spec, "mounts"), ("mounts",))
    return edit_system(inputs, system, request, step)
