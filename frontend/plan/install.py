"""How the system gets onto a disk: the key `install`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontend.options import DEFAULT_EPOCH
from imager.requests.install import Install

from . import places
from .steps import SYSTEM, Edit, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.document import Spec

    from .inputs import PlanInputs

_MODULES = ("efivarfs", "sd_mod", "sr_mod", "uas", "usb_storage")
"""The kernel modules of what the firmware tells about the boot, and of the media that systems are installed from."""


def install(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that adds the command and its settings."""
    wanted = inputs.spec.install
    if wanted is None:
        return
    title = f"[install] {'at boot' if wanted.auto else 'by hand'}, on {wanted.disk}"
    step = Step(title, places.location_of(inputs.spec, "install"), ("install",))
    yield Edit(Install(system=SYSTEM, install=wanted, epoch=DEFAULT_EPOCH), step)


def modules(spec: Spec) -> tuple[str, ...]:
    """Return the kernel modules that an installation may need."""
    return _MODULES if spec.install else ()
