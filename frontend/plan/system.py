"""The system, step by step in the fixed order: base, packages, kernel, users, files, run, mounts, network,
services, names.

Host name, hosts and resolver come last, by file operations: BuildKit mounts its own /etc/hosts and
/etc/resolv.conf over every step that runs a program, so no such step can write them.
"""

from __future__ import annotations

import llb

from . import kernel, places
from .accounts import add_users
from .files import add_files, new_file
from .identity import add_identity
from .inputs import PlanInputs
from .mounts import add_mounts
from .names import set_names
from .network import add_network
from .packages import add_packages, make_bootable, preset_of
from .run import add_run_steps
from .services import set_services
from .steps import Step, edit_files


def plan_system(inputs: PlanInputs) -> llb.State:
    """Return the finished root file system of the spec."""
    return plan_stages(inputs)[-1]


def plan_stages(inputs: PlanInputs) -> tuple[llb.State, ...]:
    """Return the stages that change less and less often: the base, with packages, and at last the finished system.

    Each holds the one before, changed. A stage that nothing was done for is not there.
    """
    base = make_bootable(inputs, inputs.base.state)
    packaged = add_packages(inputs, base)
    reduced = kernel.reduce_kernel(inputs, packaged)
    # Where the kernel's files are reduced, the base holds all those that nobody wants.
    stages = [base, packaged] if reduced is packaged else [reduced]
    stages.append(_customise(inputs, reduced))
    return tuple(stage for stage, above in zip(stages, [*stages[1:], None], strict=True) if stage is not above)


def packaged_system(inputs: PlanInputs) -> llb.State:
    """Return the system as it is after all packages, before anything else."""
    return add_packages(inputs, make_bootable(inputs, inputs.base.state))


def _customise(inputs: PlanInputs, system: llb.State) -> llb.State:
    system = add_users(inputs, system)
    system = _add_preset_files(inputs, system)
    system = kernel.add_boot_settings(inputs, system)
    if inputs.spec.files:
        system = add_files(inputs, system)
    system = add_run_steps(inputs, system)
    system = add_mounts(inputs, system)
    system = add_network(inputs, system)
    system = set_services(inputs, system)
    system = add_identity(inputs, system)
    return set_names(inputs, system)


def _add_preset_files(inputs: PlanInputs, system: llb.State) -> llb.State:
    preset = preset_of(inputs)
    if preset is None:
        return system
    files = preset.files[inputs.platform.architecture]
    actions = tuple(action for path, text in sorted(files.items()) for action in new_file(path, text))
    return edit_files(inputs, system, actions, Step("[base] network and consoles", places.at(inputs.spec, "base")))
