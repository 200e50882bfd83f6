"""A finished system as an image for registries, which can be a base again."""

from __future__ import annotations

import llb

from . import places
from .files import new_file
from .inputs import PlanInputs
from .steps import Step, edit_files

CMDLINE = "/boot/cmdline"
"""The kernel command line, for builds that start from the image."""


def plan_image(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with its kernel command line, which is otherwise only in the outputs."""
    words = inputs.spec.kernel.cmdline
    if not words:
        return system
    step = Step(f"[system] {CMDLINE}", places.location_of(inputs.spec, "kernel", "cmdline"), ("kernel",))
    return edit_files(
        inputs, system, (llb.Rm(CMDLINE, allow_not_found=True), *new_file(CMDLINE, " ".join(words) + "\n")), step
    )
