"""The `kernel` key inside the system: which modules, firmware and microcode it has, and what it does at boot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import llb
from frontend.config.rules.lint import MISSING_FIRMWARE
from frontend.options import DEFAULT_EPOCH
from imager import contract

from . import places
from .files import new_file
from .steps import OUT, SYSTEM, Step, edit_files, run_imager, tree

if TYPE_CHECKING:
    from spec.document import Spec
    from spec.kernel import Kernel

    from .inputs import PlanInputs
    from .report import Report

Problem = tuple[str, tuple[str | int, ...]]
"""What is wrong, and the path of the key in the spec."""
FINDINGS = "/kernel.json"
"""Where the state of `plan_findings` has what `imager kernel-tree` wrote."""
_LOAD, _SYSCTL = "/etc/modules-load.d/claylinux.conf", "/etc/sysctl.d/90-claylinux.conf"
_REQUIRED = ("erofs", "loop", "overlay", "squashfs")
"""What our init may load before there is a system."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What to look at although the build goes on: as a `Problem`, with the id of its rule if it has one."""

    text: str
    path: tuple[str | int, ...]
    rule: str = ""


def reduce_kernel(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system`, as it is after all packages, with the modules, firmware and microcode that were asked for.

    What later steps add is not touched: it was asked for by name.
    """
    tree = _kernel_tree(inputs, system)
    return system if tree is None else tree.mount(SYSTEM)


def plan_findings(inputs: PlanInputs, packaged: llb.State) -> llb.State | None:
    """Return a state with what `reduce_kernel` of the same state found at `FINDINGS`; None where it did nothing."""
    tree = _kernel_tree(inputs, packaged)
    return None if tree is None else tree.mount(OUT)


def add_boot_settings(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the modules to load and the kernel parameters to set at boot, for systemd and OpenRC."""
    spec, kernel = inputs.spec, inputs.spec.kernel
    actions: tuple[llb.Action, ...] = ()
    if kernel.modules.load:
        actions += new_file(_LOAD, "".join(f"{name}\n" for name in kernel.modules.load))
    if kernel.sysctl:
        # Sorted, so that the order in the build file decides nothing.
        actions += new_file(_SYSCTL, "".join(f"{key} = {value}\n" for key, value in sorted(kernel.sysctl.items())))
    if not actions:
        return system
    names = [f"load {' '.join(kernel.modules.load)}"] if kernel.modules.load else []
    names += [f"sysctl {' '.join(sorted(kernel.sysctl))}"] if kernel.sysctl else []
    return edit_files(inputs, system, actions, Step(f"[kernel] {', '.join(names)}", places.location_of(spec, "kernel")))


def is_checked(kernel: Kernel) -> bool:
    """Tell whether the key asks for anything that the finished system may lack."""
    modules = kernel.modules
    return bool(modules.load or modules.include or modules.exclude or kernel.microcode or kernel.firmware != ("all",))


def problems(spec: Spec, report: Report, version: str, architecture: str) -> Iterator[Problem]:
    """Give what the kernel `version` (empty: any kernel) of the system lacks of what the key asks for."""
    kernel, found = spec.kernel, report.kernel_tree
    for index, name in enumerate(kernel.modules.load):
        for each, lacking in sorted(report.unknown_modules.items()):
            if version in ("", each) and name in lacking:
                # Where modules were removed, what was meant may be among them.
                near = found.get("similar", {}).get(each, {}).get(name) or lacking[name]
                text = f"the kernel {each} has no module {name!r}{_did_you_mean(near)}"
                yield f"kernel.modules.load: {text}", ("kernel", "modules", "load", index)
    for index, pattern in enumerate(kernel.modules.include):
        for each, patterns in sorted(found.get("not_included", {}).items()):
            if version in ("", each) and pattern in patterns:
                text = f"no module of the kernel {each} matches {pattern!r}{_pattern_hint(pattern)}"
                yield f"kernel.modules.include: {text}", ("kernel", "modules", "include", index)
    for index, pattern in enumerate(kernel.firmware):
        if pattern in found.get("unmatched_firmware", ()):
            text = f"the system has no firmware {pattern!r}: is its package in `packages`?"
            yield f"kernel.firmware: {text}", ("kernel", "firmware", index)
    for index, vendor in enumerate(kernel.microcode):
        if architecture == "amd64" and vendor in found.get("missing_microcode", ()):
            text = f"the system has no microcode for processors of {vendor}: looked for {_MICROCODE[vendor]}"
            yield f"kernel.microcode: {text}", ("kernel", "microcode", index)


def warnings(spec: Spec, report: Report, version: str, architecture: str) -> Iterator[Notice]:
    """Give what will not work as it reads, but does not keep the system from booting."""
    kernel, found = spec.kernel, report.kernel_tree
    for index, pattern in enumerate(kernel.modules.exclude):
        if pattern in found.get("not_excluded", {}).get(version, ()):
            text = f"kernel.modules.exclude: {pattern!r} matches no module file of the kernel {version}"
            yield Notice(text, ("kernel", "modules", "exclude", index))
    for module, names in sorted(found.get("missing_firmware", {}).items()):
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        text = f"kernel.firmware: the module {module} asks for firmware that the system lacks: {shown}"
        yield Notice(text, ("kernel", "firmware"), MISSING_FIRMWARE)
    if kernel.microcode and architecture != "amd64":
        text = f"kernel.microcode: {architecture} processors take no microcode from the kernel: ignored"
        yield Notice(text, ("kernel", "microcode"))


_MICROCODE = {
    "intel": "/boot/intel-ucode.img and /usr/lib/firmware/intel-ucode",
    "amd": "/boot/amd-ucode.img and /usr/lib/firmware/amd-ucode",
}


def _kernel_tree(inputs: PlanInputs, packaged: llb.State) -> llb.ExecResult | None:
    spec, kernel = inputs.spec, inputs.spec.kernel
    modules = kernel.modules
    microcode = tuple(sorted(kernel.microcode)) if inputs.platform.architecture == "amd64" else ()
    firmware = () if "all" in kernel.firmware else tuple(sorted(kernel.firmware))
    if not (modules.include or modules.exclude or firmware or microcode):
        return None
    request = contract.KernelTree(
        system=SYSTEM,
        output=OUT + FINDINGS,
        kernel_version=kernel.version or "",
        load=modules.load,
        required=_REQUIRED,
        include=modules.include,
        exclude=modules.exclude,
        firmware=firmware,
        microcode=microcode,
        epoch=DEFAULT_EPOCH,
    )
    mounts = (
        tree(SYSTEM, packaged, readonly=False),
        llb.Bind(target=OUT, source=llb.scratch(), readonly=False),
    )
    step = Step(f"[kernel] {_title(kernel, microcode)}", places.location_of(spec, "kernel"), ("kernel",))
    return run_imager(inputs, request, step=step, mounts=mounts)


def _title(kernel: Kernel, microcode: tuple[str, ...]) -> str:
    parts = ["modules"] if kernel.modules.include or kernel.modules.exclude else []
    parts += [f"firmware {' '.join(kernel.firmware)}"] if "all" not in kernel.firmware else []
    parts += [f"microcode {' '.join(microcode)}"] if microcode else []
    return ", ".join(parts)


def _did_you_mean(near: str | None) -> str:
    return f": did you mean {near!r}?" if near else ""


def _pattern_hint(pattern: str) -> str:
    return "" if "/" in pattern else f" (a folder is written {pattern}/)"
