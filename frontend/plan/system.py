"""The system, step by step in the fixed order: base, packages, kernel, users, files, run, first boot, region, mounts,
swap, network, services, updates, state, install, names.

Host name, hosts and resolver come last, by file operations: BuildKit mounts its own /etc/hosts and
/etc/resolv.conf over every step that runs a program, so no such step can write them.
"""

from __future__ import annotations

from dataclasses import dataclass

import llb

from . import kernel, places
from .accounts import add_users
from .files import add_files, add_trees, new_file
from .first_boot import finish_first_boot
from .identity import identity
from .inputs import PlanInputs
from .install import install
from .leftovers import disarm
from .mounts import mounts
from .names import set_names
from .network import network
from .packages import add_packages, make_bootable, preset_of
from .region import prepare_region, region
from .run import add_run_steps
from .services import services
from .state import state
from .steps import Step, edit_files, edit_together
from .swap import swap
from .update import update


@dataclass(frozen=True, slots=True)
class Stage:
    """The system at one point of the build. `what` names the part that was added last."""

    what: str
    state: llb.State


@dataclass(frozen=True, slots=True)
class PlannedSystem:
    """The stages of a system, and the reports of the steps that chose parts of the kernel.

    Stages that change less often come first. Each is based on the one before; the last one is the finished system.
    `without_files` is the system to which single files are added.
    """

    stages: tuple[Stage, ...]
    findings: tuple[llb.State, ...]
    without_files: llb.State

    @property
    def finished(self) -> llb.State:
        """The system after all steps."""
        return self.stages[-1].state


def plan_system(inputs: PlanInputs) -> PlannedSystem:
    """Return the system. It has no stage for steps that do nothing."""
    base, chosen = kernel.choose_modules(inputs, make_bootable(inputs, disarm(inputs, inputs.base.state)))
    packaged = prepare_region(inputs, add_packages(inputs, base))
    reduced, findings = kernel.reduce_kernel(inputs, packaged)
    # If the files of the kernel are reduced, the base contains all the unwanted ones: it is no stage of its own.
    stages = [Stage("the base", base), Stage("the packages", packaged)]
    if inputs.base.below is not None:
        stages.insert(0, Stage("the image of the Dockerfile", inputs.base.below))
    if reduced is not packaged:
        stages = [Stage("the base and the packages", reduced)]
    without_files = _prepare(inputs, reduced)
    stages.append(Stage("the rest", _customise(inputs, without_files)))
    made: list[Stage] = []
    for stage in stages:
        if not made or stage.state is not made[-1].state:
            made.append(stage)
    return PlannedSystem(tuple(made), tuple(each for each in (chosen, findings) if each is not None), without_files)


def _prepare(inputs: PlanInputs, system: llb.State) -> llb.State:
    system = add_users(inputs, system)
    system = _add_preset_files(inputs, system)
    system = kernel.add_boot_settings(inputs, system)
    return add_trees(inputs, system)


def _customise(inputs: PlanInputs, system: llb.State) -> llb.State:
    if inputs.spec.files:
        system = add_files(inputs, system)
    system = add_run_steps(inputs, system)
    system = finish_first_boot(inputs, system)
    kinds = (region, mounts, swap, network, services, identity, update, state, install)
    system = edit_together(inputs, system, [edit for kind in kinds for edit in kind(inputs)])
    return set_names(inputs, system)


def _add_preset_files(inputs: PlanInputs, system: llb.State) -> llb.State:
    preset = preset_of(inputs)
    if preset is None:
        return system
    files = preset.files[inputs.platform.architecture]
    actions = tuple(action for path, text in sorted(files.items()) for action in new_file(path, text))
    return edit_files(
        inputs, system, actions, Step("[base] network and consoles", places.location_of(inputs.spec, "base"))
    )
