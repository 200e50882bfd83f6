"""The key `kernel` inside the system: its modules, firmware and microcode, and its settings at boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from frontend.options import DEFAULT_EPOCH
from imager.requests.kernel import KernelTree

from . import places, state, swap
from .files import new_file
from .packages import microcode_of
from .steps import OUT, SYSTEM, Step, edit_files, run_imager, tree

if TYPE_CHECKING:
    from spec.kernel import Kernel

    from .inputs import PlanInputs

FINDINGS = "/kernel.json"
"""The path of the report of a kernel step in the state beside `reduce_kernel`."""
_LOAD, _SYSCTL = "/etc/modules-load.d/claylinux.conf", "/etc/sysctl.d/90-claylinux.conf"
_REQUIRED = ("erofs", "loop", "overlay", "squashfs")
"""Modules that our init may load before the system is mounted."""


def reduce_kernel(inputs: PlanInputs, system: llb.State) -> tuple[llb.State, llb.State | None]:
    """Return `system`, which has all packages, with only the modules, firmware and microcode that the key wants.

    Beside it stands a state with the report of the step at `FINDINGS`, or None if there is nothing to reduce. Later
    steps can add more: the build file names those files one by one.
    """
    tree = _kernel_tree(inputs, system)
    return (system, None) if tree is None else (tree.mount(SYSTEM), tree.mount(OUT))


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


def _kernel_tree(inputs: PlanInputs, packaged: llb.State) -> llb.ExecResult | None:
    spec, kernel = inputs.spec, inputs.spec.kernel
    modules = kernel.modules
    microcode = tuple(sorted(microcode_of(inputs)))
    firmware = () if "all" in kernel.firmware else tuple(sorted(kernel.firmware))
    if not (modules.include or modules.exclude or firmware or microcode):
        return None
    request = KernelTree(
        system=SYSTEM,
        output=OUT + FINDINGS,
        kernel_version=kernel.version or "",
        load=modules.load,
        required=(*_REQUIRED, *swap.modules(spec), *state.modules(spec)),
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
