"""From a packed system to the output files: the UKI, then one vertex per output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import llb
from imager import memory
from imager.requests import packing
from imager.requests.outputs import BY_FORMAT
from imager.requests.reports import Inspect
from imager.target import TARGETS
from spec.base import PresetBase
from spec.formats import FORMATS
from spec.outputs import Output

from . import hidden, places
from .inputs import PlanInputs
from .kernel import FINDINGS
from .packing import SEGMENT, Packed
from .report import KernelFile, Report
from .steps import OUT, SYSTEM, Step, run_on_trees
from .system import PlannedSystem

REPORT = "/report.json"
_BASE = "/base"
_FINDINGS = "/findings"
_SEGMENTS = "/segments"


@dataclass(frozen=True, slots=True)
class Uki:
    """The UKI in all outputs: the request for its layout, the trees that it reads, and the system in it.

    Steps that need the layout find it at `MOUNT` + `FILE`. `layout` is a state with it, for several steps.
    """

    MOUNT: ClassVar[str] = "/uki"
    FILE: ClassVar[str] = "/uki.json"

    step: Step
    request: packing.Uki
    trees: dict[str, llb.State]
    layout: llb.State
    system: Packed


def plan_inspect(inputs: PlanInputs, system: PlannedSystem) -> llb.State:
    """Return a state with the report about `system` at `REPORT`."""
    findings = system.findings
    own_base = not isinstance(inputs.spec.base, PresetBase)
    request = Inspect(
        system=SYSTEM,
        output=OUT + REPORT,
        weigh=False,
        module=inputs.spec.kernel.modules.load,
        kernel_tree=_FINDINGS + FINDINGS if findings else "",
        path=hidden.paths(inputs.spec),
        user=hidden.users(inputs.spec),
        base=_BASE if own_base else "",
    )
    trees = {SYSTEM: system.finished} | ({_FINDINGS: findings} if findings else {})
    trees |= {_BASE: inputs.base.state} if own_base else {}
    return run_on_trees(inputs, request, step=Step("[system] inspect"), trees=trees)


def plan_outputs(inputs: PlanInputs, uki: Uki, *, laid_out: bool = False) -> llb.State:
    """Return a state with all outputs of the target in its root directory.

    `laid_out`: the layout of the UKI is already built.
    """
    wanted = wanted_outputs(inputs)
    alike = [output for output in wanted if FORMATS[output.format].os_release == uki.request.os_release]
    shared = alike if laid_out or len(alike) > 1 else []
    states = [_plan_output(inputs, output, uki, shared=output in shared) for output in wanted]
    if len(states) == 1:
        return states[0]
    if "mergeop" in inputs.caps:
        return llb.merge(states, name="[outputs] merge")
    copies = [llb.Copy(source=state, src="/", dest="/", dir_contents=True) for state in states]
    return llb.edit(llb.scratch(), *copies, name="[outputs] merge")


def wanted_outputs(inputs: PlanInputs) -> tuple[Output, ...]:
    """Return the outputs of the spec, or only those of the format in `--target`."""
    spec, target = inputs.spec, inputs.options.target
    if target not in FORMATS:
        return spec.outputs
    listed = tuple(output for output in spec.outputs if output.format == target)
    return listed or (Output(format=target, name=spec.name),)


def plan_uki(inputs: PlanInputs, system: llb.State, report: Report, kernel: KernelFile, packed: Packed) -> Uki:
    """Return the UKI of a packed system, laid out for disks, with an os-release if all outputs have one."""
    spec, architecture, epoch = inputs.spec, inputs.platform.architecture, inputs.options.epoch
    segments = _segments(packed)
    overlay = packed.mode == memory.OVERLAY
    request = packing.Uki(
        system=SYSTEM,
        kernel_version=kernel.version,
        initrd=tuple(target + SEGMENT for target in segments),
        cmdline=_cmdline(inputs, report),
        stub=TARGETS[architecture].stub,
        architecture=architecture,
        output=Uki.MOUNT + Uki.FILE,
        epoch=epoch,
        name=spec.name,
        version=spec.version or "",
        os_release=all(FORMATS[output.format].os_release for output in wanted_outputs(inputs)),
        init=TARGETS[architecture].init if overlay else "",
        layers=len(segments) if overlay else 0,
        unpacked=packed.unpacked,
        lacks=packed.lacks,
    )
    step = Step(f"[uki] Linux {kernel.version}", places.location_of(spec, "kernel"), ("uki",))
    trees = {SYSTEM: system, **segments}
    layout = run_on_trees(inputs, replace(request, output=OUT + Uki.FILE), step=step, trees=trees)
    return Uki(step, request, trees, layout, packed)


def _segments(packed: Packed) -> dict[str, llb.State]:
    """Return the segments by mount point. All steps use the same ones: the layout of a UKI names files in them."""
    return {f"{_SEGMENTS}/{number}": state for number, state in enumerate(packed.segments)}


def _cmdline(inputs: PlanInputs, report: Report) -> str:
    """Return the command line of the spec, else the /boot/cmdline of the system, else both consoles."""
    words = inputs.spec.kernel.cmdline
    return " ".join(words) if words else report.boot_cmdline or TARGETS[inputs.platform.architecture].consoles


def _plan_output(inputs: PlanInputs, output: Output, uki: Uki, *, shared: bool) -> llb.State:
    """Return a state with one output: from the `shared` layout, or with a layout in the same step, which is faster."""
    extra: dict[str, Any] = {key: value for key in FORMATS[output.format].keys if (value := getattr(output, key))}
    request = BY_FORMAT[output.format](
        uki=Uki.MOUNT + Uki.FILE,
        output=f"{OUT}/{output.filename}",
        architecture=inputs.platform.architecture,
        epoch=inputs.options.epoch,
        **extra,
    )
    name, place, keys = (
        f"[output] {output.filename}",
        places.location_of(inputs.spec, "outputs"),
        ("outputs", output.format),
    )
    if not shared:
        step = Step(f"{name} with Linux {uki.request.kernel_version}", place, (*uki.step.keys, *keys))
        first = replace(uki.request, detached=False, os_release=FORMATS[output.format].os_release)
        return run_on_trees(inputs, first, request, step=step, trees=uki.trees, scratch=Uki.MOUNT)
    trees = {Uki.MOUNT: uki.layout, **_segments(uki.system)}
    return run_on_trees(inputs, request, step=Step(name, place, keys), trees=trees)
