"""The identity of the system: `name` and `version` in its os-release."""

from __future__ import annotations

from collections.abc import Iterator

from frontend.options import DEFAULT_EPOCH
from imager.requests.identity import Identity

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Edit, Step


def identity(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that writes the name and version of the spec, if it has either."""
    spec = inputs.spec
    if not spec.version and not spec.positions.has("name"):
        return
    request = Identity(system=SYSTEM, name=spec.name, version=spec.version or "", epoch=DEFAULT_EPOCH)
    title = f"{spec.name} {spec.version}" if spec.version else spec.name
    place = places.location_of(spec, "version" if spec.version else "name")
    yield Edit(request, Step(f"[system] os-release: {title}", place))
