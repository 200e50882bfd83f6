"""Where and for whom the system works: the keys `timezone` and `locale`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontend.options import DEFAULT_EPOCH
from imager.requests.region import Locale, TimeZone
from spec.region import PLAIN_LOCALES

from . import places
from .packages import run_package_manager
from .steps import SYSTEM, Step, edit_system

if TYPE_CHECKING:
    import llb
    from imager.request import Request

    from .inputs import PlanInputs


def make_locale(inputs: PlanInputs, packaged: llb.State) -> llb.State:
    """Return `packaged` with its locale generated, where a package can do so. Later changes do not repeat it."""
    name = inputs.spec.locale
    if name is None or name in PLAIN_LOCALES:
        return packaged
    step = _step(inputs, "locale", f"generate {name}")
    return run_package_manager(
        inputs, packaged, lambda each: each.make_locale(name), step, network="none", optional=True
    )


def set_region(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the time zone and the locale of the spec."""
    spec = inputs.spec
    wanted: dict[str, tuple[str, Request]] = {}
    if spec.timezone:
        wanted["timezone"] = spec.timezone, TimeZone(system=SYSTEM, zone=spec.timezone, epoch=DEFAULT_EPOCH)
    if spec.locale:
        wanted["locale"] = spec.locale, Locale(system=SYSTEM, name=spec.locale, epoch=DEFAULT_EPOCH)
    for key, (title, request) in wanted.items():
        system = edit_system(inputs, system, request, _step(inputs, key, title))
    return system


def _step(inputs: PlanInputs, key: str, title: str) -> Step:
    return Step(f"[{key}] {title}", places.location_of(inputs.spec, key), (key,))
