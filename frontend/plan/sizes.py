"""The vertex that measures the parts of a system, and its reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import llb
from imager.requests.reports import Sizes

from . import kernel, places
from .steps import OUT, SYSTEM, Step, run_imager, tree

if TYPE_CHECKING:
    from .inputs import PlanInputs
    from .outputs import Uki
    from .system import PlannedSystem

_PREVIOUS = "/previous"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A tree with an earlier report in it, for comparison, at `path`."""

    tree: llb.State
    path: str


def report_name(name: str, ending: str) -> str:
    """Return the path of a report (txt, html or json) about the system `name`, in the state of `plan_sizes`."""
    return f"/{name}.report.{ending}"


def plan_sizes(
    inputs: PlanInputs, system: PlannedSystem, uki: Uki, previous: Earlier | None = None, *, stub_adds: bool
) -> llb.State:
    """Return a state with all reports about a system and its UKI, which may be compared with an earlier one.

    `stub_adds`: the stub of an output adds files to the initramfs, which takes memory.
    """
    spec = inputs.spec
    findings = kernel.findings_of(system.findings)
    request = Sizes(
        system=SYSTEM,
        uki=uki.place,
        output=OUT + report_name(spec.name, "json"),
        text=OUT + report_name(spec.name, "txt"),
        name=spec.name,
        page=OUT + report_name(spec.name, "html"),
        mode=uki.system.mode,
        unpacked=uki.system.unpacked,
        stub_adds=stub_adds,
        copied=spec.rootfs.copy,
        exclude=spec.rootfs.exclude,
        previous=f"{_PREVIOUS}/{previous.path}" if previous else "",
        kernel_tree=tuple(place + kernel.FINDINGS for place in findings),
        epoch=inputs.options.epoch,
    )
    mounts = (
        tree(SYSTEM, system.finished),
        *(tree(target, state) for target, state in (uki.mounts | findings).items()),
        *((llb.Bind(target=_PREVIOUS, source=previous.tree),) if previous else ()),
        llb.Bind(target=OUT, source=llb.scratch(), readonly=False),
    )
    step = Step(f"[report] sizes of {spec.name}", places.location_of(spec, "limits"), ("report",))
    return run_imager(inputs, request, step=step, mounts=mounts).mount(OUT)
