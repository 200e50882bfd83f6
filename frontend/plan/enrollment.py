"""The outputs that make machines trust the system: they take the keys of `secure_boot.enroll`, and no system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from imager.requests.secureboot import Enroll, OvmfVars
from imager.target import TARGETS
from spec.formats import ENROLLMENTS
from spec.outputs import Output

from . import places
from .inputs import FileSource
from .origins import MAIN
from .steps import OUT, Step, run_imager, together

if TYPE_CHECKING:
    from imager.request import Request
    from spec.document import Spec

    from .inputs import PlanInputs

_KEYS = "/keys"


def is_all(spec: Spec, target: str) -> bool:
    """Return whether a build makes nothing else."""
    if target:
        return target in ENROLLMENTS
    return all(output.format in ENROLLMENTS for output in spec.outputs)


def plan_all(inputs: PlanInputs) -> llb.State:
    """Return a state with these outputs alone."""
    return together(inputs, plan(inputs))


def plan(inputs: PlanInputs) -> list[llb.State]:
    """Return a state for each of these outputs that is wanted."""
    return [_plan(inputs, output) for output in _wanted(inputs.spec, inputs.options.target)]


def _wanted(spec: Spec, target: str) -> tuple[Output, ...]:
    if target and target not in ENROLLMENTS:
        return ()
    listed = tuple(output for output in spec.outputs if output.format in ENROLLMENTS and target in ("", output.format))
    return listed or ((Output(format=target, name=spec.name),) if target else ())


def _plan(inputs: PlanInputs, output: Output) -> llb.State:
    assert inputs.spec.secure_boot is not None and inputs.spec.secure_boot.enroll is not None
    keys = inputs.spec.secure_boot.enroll
    architecture, epoch = inputs.platform.architecture, inputs.options.epoch
    path = f"{OUT}/{output.filename}"
    request: Request
    if output.format == "ovmf-vars":
        request = OvmfVars(keys=_KEYS, architecture=architecture, output=path, epoch=epoch)
    else:
        request = Enroll(
            keys=_KEYS,
            name=inputs.spec.name,
            loader=TARGETS[architecture].loader,
            architecture=architecture,
            output=path,
            epoch=epoch,
            label=output.label or "ENROLL",
        )
    step = Step(f"[output] {output.filename}", places.location_of(inputs.spec, "outputs"), ("outputs", output.format))
    mounts = (
        llb.Bind(target=_KEYS, source=inputs.sources[MAIN].state, selector=FileSource.place(keys)),
        llb.Bind(target=OUT, source=llb.scratch(), readonly=False),
    )
    return run_imager(inputs, request, step=step, mounts=mounts).mount(OUT)
