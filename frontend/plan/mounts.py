"""What the running system mounts: the key `mounts`."""

from __future__ import annotations

from collections.abc import Iterator

from frontend.options import DEFAULT_EPOCH
from imager.requests.mounts import Mounts

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Edit, Step


def mounts(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that writes the file systems table of the spec."""
    spec = inputs.spec
    if not spec.mounts:
        return
    wanted = dict(sorted(spec.mounts.items()))
    request = Mounts(system=SYSTEM, mount=wanted, epoch=DEFAULT_EPOCH)
    yield Edit(request, Step(f"[mounts] {' '.join(wanted)}", places.location_of(spec, "mounts"), ("mounts",)))
