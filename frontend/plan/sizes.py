"""The vertex that measures the parts of a system, and its reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from imager.requests.reports import Sizes

from . import places
from .steps import OUT, SYSTEM, Step, run_imager, tree

if TYPE_CHECKING:
    from .inputs import PlanInputs
    from .outputs import Uki


def report_name(name: str, ending: str) -> str:
    """Return the path of a report (txt or json) about the system `name`, in the state of `plan_sizes`."""
    return f"/{name}.report.{ending}"


def plan_sizes(inputs: PlanInputs, system: llb.State, uki: Uki, ram: int) -> llb.State:
    """Return a state with both reports about a system and its UKI. Booting needs `ram` bytes of memory."""
    spec = inputs.spec
    request = Sizes(
        system=SYSTEM,
        uki=uki.place,
        output=OUT + report_name(spec.name, "json"),
        text=OUT + report_name(spec.name, "txt"),
        name=spec.name,
        ram=ram,
        mode=uki.system.mode,
        exclude=spec.rootfs.exclude,
        epoch=inputs.options.epoch,
    )
    mounts = (
        tree(SYSTEM, system),
        *(tree(target, state) for target, state in uki.mounts.items()),
        llb.Bind(target=OUT, source=llb.scratch(), readonly=False),
    )
    step = Step(f"[report] sizes of {spec.name}", places.location_of(spec, "limits"), ("report",))
    return run_imager(inputs, request, step=step, mounts=mounts).mount(OUT)
