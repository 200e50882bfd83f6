"""Where and for whom the system works: the keys `timezone`, `locale` and `keyboard`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontend.options import DEFAULT_EPOCH
from imager.requests.region import Keyboard, Locale, TimeZone
from spec.region import PLAIN_LOCALES

from . import places
from .packages import run_package_manager
from .steps import SYSTEM, Edit, Step, edit_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    import llb

    from .inputs import PlanInputs


def prepare_region(inputs: PlanInputs, packaged: llb.State) -> llb.State:
    """Return `packaged` with its locale and its keyboard made by its own programs. Later changes do not repeat it."""
    spec = inputs.spec
    name, keyboard = spec.locale, spec.keyboard
    if name and name not in PLAIN_LOCALES:
        step = _step(inputs, "locale", f"generate {name}")
        packaged = run_package_manager(
            inputs, packaged, lambda each: each.make_locale(name), step, network="none", optional=True
        )
    if keyboard:
        step = _step(inputs, "keyboard", " ".join(filter(None, (keyboard.layout, keyboard.variant))))
        request = Keyboard(system=SYSTEM, keyboard=keyboard, epoch=DEFAULT_EPOCH)
        packaged = edit_system(inputs, packaged, request, step)
        packaged = run_package_manager(
            inputs, packaged, lambda each: each.make_keyboard(), step, network="none", optional=True
        )
    return packaged


def region(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the changes that set the time zone and the locale of the spec."""
    zone, locale = inputs.spec.timezone, inputs.spec.locale
    if zone:
        yield Edit(TimeZone(system=SYSTEM, zone=zone, epoch=DEFAULT_EPOCH), _step(inputs, "timezone", zone))
    if locale:
        yield Edit(Locale(system=SYSTEM, name=locale, epoch=DEFAULT_EPOCH), _step(inputs, "locale", locale))


def _step(inputs: PlanInputs, key: str, title: str) -> Step:
    return Step(f"[{key}] {title}", places.location_of(inputs.spec, key), (key,))
