"""A finished system as an image for registries, which can be a base again."""

from __future__ import annotations

import llb
from imager.requests.files import Exclude

from . import places
from .files import new_file
from .inputs import PlanInputs
from .steps import SYSTEM, Step, edit_files, edit_system

CMDLINE = "/boot/cmdline"
"""The kernel command line, for builds that start from the image."""


def plan_image(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` as it is in the outputs: with its kernel command line, and without what they leave out."""
    exclude = inputs.spec.rootfs.exclude
    if exclude:
        place = places.location_of(inputs.spec, "rootfs", "exclude")
        step = Step(f"[rootfs] exclude {' '.join(exclude)}", place, ("rootfs",))
        system = edit_system(inputs, system, Exclude(system=SYSTEM, pattern=exclude, epoch=inputs.options.epoch), step)
    words = inputs.spec.kernel.cmdline
    if not words:
        return system
    step = Step(f"[system] {CMDLINE}", places.location_of(inputs.spec, "kernel", "cmdline"), ("kernel",))
    return edit_files(
        inputs, system, (llb.Rm(CMDLINE, allow_not_found=True), *new_file(CMDLINE, " ".join(words) + "\n")), step
    )
