"""From a packed system to the output files: the UKI, then one vertex per output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import llb
from imager import memory
from imager.requests import packing
from imager.requests.outputs import BY_FORMAT
from imager.requests.reports import Inspect
from imager.requests.secureboot import PCR_KEY, SIGNER
from imager.target import TARGETS
from spec.base import PresetBase
from spec.formats import FORMATS, OUTPUTS
from spec.outputs import Output

from . import enrollment, hidden, kernel_checks, places, update
from .inputs import PlanInputs
from .kernel import FINDINGS, findings_of
from .packing import SEGMENT, Packed
from .report import KernelFile, Report
from .steps import OUT, SYSTEM, Step, run_on_trees, together
from .system import PlannedSystem

REPORT = "/report.json"
_BASE = "/base"
_SEGMENTS = "/segments"
_CHECKED = "/checked"


@dataclass(frozen=True, slots=True)
class Uki:
    """The UKI in all outputs: the request for its layout, the trees that it reads, and the system in it.

    `layout` is a state with its layout, for several steps. They find it at `MOUNT` + `FILE`. `changed` are states with
    the layouts that were made of it, one of the other, by mount point. The pieces of the last one are in all of them.
    """

    MOUNT: ClassVar[str] = "/uki"
    FILE: ClassVar[str] = "/uki.json"

    step: Step
    request: packing.Uki
    trees: dict[str, llb.State]
    layout: llb.State
    system: Packed
    changed: tuple[tuple[str, llb.State], ...] = ()

    @property
    def shipped(self) -> llb.State:
        """The state with the last layout: that of what the outputs carry."""
        return list(self.mounts.values())[-1]

    @property
    def place(self) -> str:
        """The place of that layout, in steps that have `mounts`."""
        return list(self.mounts)[-1] + self.FILE

    @property
    def mounts(self) -> dict[str, llb.State]:
        """The layouts, by mount point."""
        return {self.MOUNT: self.layout, **dict(self.changed)}

    @property
    def segments(self) -> dict[str, llb.State]:
        """The segments by mount point. All steps use the same ones: a layout names files in them."""
        return _segments(self.system)


def plan_inspect(inputs: PlanInputs, system: PlannedSystem) -> llb.State:
    """Return a state with the report about `system` at `REPORT`."""
    findings = findings_of(system.findings)
    own_base = not isinstance(inputs.spec.base, PresetBase)
    request = Inspect(
        system=SYSTEM,
        output=OUT + REPORT,
        weigh=False,
        module=(*inputs.spec.kernel.modules.load, *kernel_checks.needed(inputs.spec).values()),
        kernel_tree=tuple(place + FINDINGS for place in findings),
        path=hidden.paths(inputs.spec),
        user=hidden.users(inputs.spec),
        base=_BASE if own_base else "",
    )
    trees = {SYSTEM: system.finished} | findings
    trees |= {_BASE: inputs.base.state} if own_base else {}
    return run_on_trees(inputs, request, step=Step("[system] inspect"), trees=trees)


def plan_outputs(
    inputs: PlanInputs, uki: Uki, beside: tuple[llb.State, ...] = (), *, laid_out: bool = False
) -> llb.State:
    """Return a state with all outputs of the target in its root directory, and what is in the states `beside` them.

    `laid_out`: the layout of the UKI is already built.
    """
    wanted = wanted_outputs(inputs)
    alike = [output for output in wanted if FORMATS[output.format].os_release == uki.request.os_release]
    shared = alike if laid_out or len(alike) > 1 else []
    if uki.changed:
        shared = [*wanted]  # one signature, so one UKI
    states = [_plan_output(inputs, output, uki, shared=output in shared) for output in wanted]
    return together(inputs, [*beside, *states, *enrollment.plan(inputs)])


def wanted_outputs(inputs: PlanInputs) -> tuple[Output, ...]:
    """Return the outputs of the spec that have the system, or only those of the format in `--target`."""
    spec, target = inputs.spec, inputs.options.target
    if target not in FORMATS:
        return tuple(output for output in spec.outputs if output.format in FORMATS)
    listed = tuple(output for output in spec.outputs if output.format == target)
    return listed or (Output(format=target, name=spec.name),)


def plan_uki(
    inputs: PlanInputs,
    system: llb.State,
    report: Report,
    kernel: KernelFile,
    packed: Packed,
    checked: llb.State | None = None,
) -> Uki:
    """Return the UKI of a packed system. `checked` is what a `Check` wrote, if somebody will sign it."""
    spec, signing = inputs.spec, inputs.spec.secure_boot
    architecture, epoch = inputs.platform.architecture, inputs.options.epoch
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
        os_release=_has_os_release(inputs),
        init=TARGETS[architecture].init if overlay else "",
        layers=len(segments) if overlay else 0,
        on_disk=spec.rootfs.on_disk,
        copied=spec.rootfs.copy,
        unpacked=packed.unpacked,
        lacks=packed.lacks,
        signer=_CHECKED + SIGNER if checked else "",
        pcr_key=_CHECKED + PCR_KEY if signing and signing.pcr_key else "",
    )
    step = Step(f"[uki] Linux {kernel.version}", places.location_of(spec, "kernel"), ("uki",))
    trees = {SYSTEM: system, **segments}
    # By content: the step that made it always runs.
    mounts = (llb.Bind(target=_CHECKED, source=checked, by_content=True),) if checked else ()
    layout = run_on_trees(inputs, replace(request, output=OUT + Uki.FILE), step=step, trees=trees, mounts=mounts)
    return Uki(step, request, trees, layout, packed)


def _has_os_release(inputs: PlanInputs) -> bool:
    """Return whether the UKI for several outputs has an os-release: if all of them have one.

    What is signed is one UKI for all outputs of the build file, whatever the target. It has an os-release if any of
    them has one: with it firmware needs more memory, without it boot managers do not list the file.
    """
    if inputs.spec.update:
        return True
    if inputs.spec.secure_boot:
        return any(OUTPUTS[output.format].os_release for output in inputs.spec.outputs)
    return all(FORMATS[output.format].os_release for output in wanted_outputs(inputs))


def _segments(packed: Packed) -> dict[str, llb.State]:
    return {f"{_SEGMENTS}/{number}": state for number, state in enumerate(packed.segments)}


def _cmdline(inputs: PlanInputs, report: Report) -> str:
    """Return the command line of the spec, else the /boot/cmdline of the system, else both consoles."""
    words = inputs.spec.kernel.cmdline
    line = " ".join(words) if words else report.boot_cmdline or TARGETS[inputs.platform.architecture].consoles
    return update.command_line(inputs.spec, line)


def _plan_output(inputs: PlanInputs, output: Output, uki: Uki, *, shared: bool) -> llb.State:
    """Return a state with one output: from the `shared` layout, or with a layout in the same step, which is faster."""
    extra: dict[str, Any] = {key: value for key in FORMATS[output.format].keys if (value := getattr(output, key))}
    request = BY_FORMAT[output.format](
        uki=uki.place,
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
    trees = {**uki.mounts, **uki.segments}
    return run_on_trees(inputs, request, step=Step(name, place, keys), trees=trees)
