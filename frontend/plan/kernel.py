"""The key `kernel` inside the system: its modules, firmware and microcode, and its settings at boot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import llb
from frontend.options import DEFAULT_EPOCH
from imager.requests.kernel import KernelTree
from spec.base import PresetBase
from spec.kernel import MachineFile, Purpose
from spec.presets import PRESETS

from . import install, places, state, swap, update
from .files import new_file
from .origins import MAIN
from .packages import microcode_of, preset_services
from .steps import OUT, SYSTEM, Edit, Step, edit_files, edit_together, run_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec.document import Spec
    from spec.kernel import Kernel

    from .inputs import PlanInputs

FINDINGS = "/kernel.json"
"""The path of the report of a kernel step in the state beside `reduce_kernel`."""
_LOAD, _SYSCTL = "/etc/modules-load.d/claylinux.conf", "/etc/sysctl.d/90-claylinux.conf"
_MACHINES = "/machines"
_ALL = Purpose(purpose="all")
_REQUIRED = ("erofs", "loop", "overlay", "squashfs")
"""Modules that our init may load before the system is mounted."""
_ON_DISK = ("dm_mod", "dm_verity", "crypto-sha256")
"""More of them for a system on a disk. Its drivers are a choice of the user, like all others."""


def choose_modules(inputs: PlanInputs, base: llb.State) -> tuple[llb.State, llb.State | None]:
    """Return `base` with the services of its preset, only the modules that `kernel.for` wants, and a report.

    The report is like that of `reduce_kernel`. Modules are chosen before other packages are added, so that the base
    stays a stage of its own; with patterns of modules that is left to `reduce_kernel`.
    """
    services = tuple(preset_services(inputs))
    if not _chosen_early(inputs):
        return edit_together(inputs, base, services), None
    kept = _for(inputs)
    title = f"[base] modules for {' '.join(map(_title_of, kept))}"
    step = Step(
        title, places.location_of(inputs.spec, "kernel" if inputs.spec.kernel.for_ else "base"), ("base", "kernel")
    )
    return _run(inputs, base, (*services, _edit(_request(inputs, kept), step, _machines(inputs))))


def reduce_kernel(inputs: PlanInputs, system: llb.State) -> tuple[llb.State, llb.State | None]:
    """Return `system`, which has all packages, with only the modules, firmware and microcode that the key wants.

    Beside it stands a state with the report of the step at `FINDINGS`, or None if there is nothing to reduce. Later
    steps can add more: the build file names those files one by one.
    """
    kernel = inputs.spec.kernel
    modules = kernel.modules
    kept = () if _chosen_early(inputs) else _for(inputs)
    microcode = tuple(sorted(microcode_of(inputs)))
    firmware = () if "all" in kernel.kept_firmware else tuple(sorted(kernel.kept_firmware))
    if not (kept or modules.include or modules.exclude or firmware or microcode):
        return system, None
    request = replace(
        _request(inputs, kept),
        kernel_version=kernel.version or "",
        include=modules.include,
        exclude=modules.exclude,
        firmware=firmware,
        microcode=microcode,
    )
    step = Step(f"[kernel] {_title(kernel, kept, microcode)}", places.location_of(inputs.spec, "kernel"), ("kernel",))
    return _run(inputs, system, (_edit(request, step, _machines(inputs) if kept else ()),))


def findings_of(states: Sequence[llb.State]) -> dict[str, llb.State]:
    """Return the states with reports of kernel steps, by the mount points where other steps see them."""
    return {f"/findings/{number}": state for number, state in enumerate(states)}


def add_boot_settings(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the modules to load and the kernel parameters to set at boot: systemd and OpenRC do it."""
    spec, kernel = inputs.spec, inputs.spec.kernel
    actions: tuple[llb.Action, ...] = ()
    if kernel.modules.load:
        actions += new_file(_LOAD, "".join(f"{name}\n" for name in kernel.modules.load))
    if kernel.sysctl:
        # Sorted: the order in the build file has no meaning.
        actions += new_file(_SYSCTL, "".join(f"{key} = {value}\n" for key, value in sorted(kernel.sysctl.items())))
    if not actions:
        return system
    names = [f"load {' '.join(kernel.modules.load)}"] if kernel.modules.load else []
    names += [f"sysctl {' '.join(sorted(kernel.sysctl))}"] if kernel.sysctl else []
    return edit_files(inputs, system, actions, Step(f"[kernel] {', '.join(names)}", places.location_of(spec, "kernel")))


def _for(inputs: PlanInputs) -> tuple[Purpose | MachineFile, ...]:
    """Return what the modules are for, or nothing if that says nothing about them."""
    kernel, base = inputs.spec.kernel, inputs.spec.base
    kept = kernel.for_
    if not kept and isinstance(base, PresetBase) and not kernel.modules.include:
        kept = (Purpose(purpose=PRESETS[base.preset].purpose),)
    return () if _ALL in kept else kept


def _chosen_early(inputs: PlanInputs) -> bool:
    modules = inputs.spec.kernel.modules
    return bool(_for(inputs)) and isinstance(inputs.spec.base, PresetBase) and not (modules.include or modules.exclude)


def _request(inputs: PlanInputs, kept: tuple[Purpose | MachineFile, ...]) -> KernelTree:
    """Return a request that keeps the modules for `kept`, and all of them without any."""
    return KernelTree(
        system=SYSTEM,
        output=OUT + FINDINGS,
        load=inputs.spec.kernel.modules.load,
        required=(
            *_for_init(inputs.spec),
            *(name for key in (swap, state, update, install) for name in key.modules(inputs.spec)),
        ),
        purpose=tuple(sorted(each.purpose for each in kept if isinstance(each, Purpose))),
        machine=tuple(mount.target for mount in _machines(inputs)) if kept else (),
        epoch=DEFAULT_EPOCH,
    )


def _for_init(spec: Spec) -> tuple[str, ...]:
    return (*_REQUIRED, *_ON_DISK) if spec.rootfs.on_disk else _REQUIRED


def _machines(inputs: PlanInputs) -> tuple[llb.Bind, ...]:
    return tuple(
        llb.Bind(
            target=f"{_MACHINES}/{number}",
            source=inputs.sources[MAIN].state,
            selector=inputs.sources[MAIN].place(each.source),
        )
        for number, each in enumerate(inputs.spec.kernel.machines)
    )


def _edit(request: KernelTree, step: Step, machines: tuple[llb.Bind, ...]) -> Edit:
    return Edit(request, step, (llb.Bind(target=OUT, source=llb.scratch(), readonly=False), *machines))


def _run(inputs: PlanInputs, system: llb.State, edits: tuple[Edit, ...]) -> tuple[llb.State, llb.State]:
    made = run_together(inputs, system, edits)
    return made.mount(SYSTEM), made.mount(OUT)


def _title(kernel: Kernel, kept: tuple[Purpose | MachineFile, ...], microcode: tuple[str, ...]) -> str:
    parts = [f"modules for {' '.join(map(_title_of, kept))}"] if kept else []
    parts += ["modules"] if not kept and (kernel.modules.include or kernel.modules.exclude) else []
    firmware = kernel.kept_firmware
    parts += [f"firmware {' '.join(firmware)}"] if "all" not in firmware else []
    parts += [f"microcode {' '.join(microcode)}"] if microcode else []
    return ", ".join(parts)


def _title_of(kept: Purpose | MachineFile) -> str:
    return kept.purpose if isinstance(kept, Purpose) else kept.source
