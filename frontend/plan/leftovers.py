"""What is wrong with a base: leftovers of the disk that it was made for, owners that got lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import llb
from frontend.config.rules.lint import DISK_LEFTOVER, LOST_OWNERS
from frontend.config.syntax.diagnostics import Diagnostic
from frontend.options import DEFAULT_EPOCH
from imager.requests.mounts import DiskEntries
from spec.base import PresetBase

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Step, edit_system

if TYPE_CHECKING:
    from spec.document import Spec

    from .report import Report

_MEANINGS = {
    "disarmed": "the base was made for a disk; these entries no longer stop the boot of a system in memory (what "
    "it cannot do without belongs in `mounts`): ",
    "waits": "the base makes each boot wait for something that may not be there: ",
    "unused": "the base has settings that have no effect here: ",
}


def disarm(inputs: PlanInputs, base: llb.State) -> llb.State:
    """Return `base` without entries that would stop the boot.

    Before all other steps: what the build file itself says about disks is meant.
    """
    if isinstance(inputs.spec.base, PresetBase):
        return base
    step = Step("[base] entries for its disks", places.location_of(inputs.spec, "base"), ("base",))
    return edit_system(inputs, base, DiskEntries(system=SYSTEM, epoch=DEFAULT_EPOCH), step)


def lost_owners(inputs: PlanInputs) -> Iterator[Diagnostic]:
    """Yield a warning if everything in the base belongs to root because of how it came here."""
    if inputs.base.without_owners:
        text = (
            "the base is a directory of the client, and Docker sends no owners: all its files belong to root, and "
            "programs may lack their groups and capabilities. To keep them, make it an image: "
            "`tar -C DIRECTORY -c . | docker import - NAME`, and write `base: {image: NAME}`"
        )
        yield Diagnostic(inputs.spec.positions.of("base"), text, "warning", LOST_OWNERS)


def warnings(spec: Spec, report: Report) -> Iterator[Diagnostic]:
    """Yield the leftovers of the base."""
    for kind, meaning in _MEANINGS.items():
        found = report.leftovers.get(kind)
        if found:
            text = meaning + ", ".join(found)
            yield Diagnostic(spec.positions.of("base"), text, "warning", DISK_LEFTOVER)
