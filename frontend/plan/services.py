"""What runs once the system is up: the key `services`, and the services that other keys need."""

from __future__ import annotations

from collections.abc import Iterator

from frontend.options import DEFAULT_EPOCH
from imager.requests.services import Services
from spec.services import Service, ServiceCommand

from . import places, swap
from .inputs import PlanInputs
from .packages import preset_of
from .steps import SYSTEM, Edit, Step


def services(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that makes services, and switches them on and off."""
    spec = inputs.spec
    needed = tuple(key for key in ("mounts", "network", "keyboard", "swap") if getattr(spec, key))
    if not spec.services and not needed:
        return
    request = Services(
        system=SYSTEM,
        service=dict(sorted({**swap.services(spec), **spec.services}.items())),
        needed_by=needed,
        yielding=_yielding(inputs),
        epoch=DEFAULT_EPOCH,
    )
    title = " ".join(_shown(name, each) for name, each in sorted(spec.services.items())) or " ".join(needed)
    place = places.location_of(spec, "services" if spec.services else needed[0])
    yield Edit(request, Step(f"[services] {title}", place, ("services",)))


def _yielding(inputs: PlanInputs) -> dict[str, str]:
    """Return the services of the preset that give way to one with the same purpose, each with that one."""
    preset, wanted = preset_of(inputs), inputs.spec.services
    return {
        name: rival
        for name, rivals in (preset.yields.items() if preset else ())
        for rival in rivals
        if rival in wanted and name not in wanted and _starts(wanted[rival])
    }


def _starts(service: Service) -> bool:
    return isinstance(service, ServiceCommand) or service.start is not False


def _shown(name: str, service: Service) -> str:
    return name if _starts(service) else f"no {name}"
