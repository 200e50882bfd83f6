"""The `run` key: the user's own commands, one build step each."""

from __future__ import annotations

import llb
from frontend.config import RunStep

from . import places
from .inputs import PlanInputs
from .steps import Step, run_in_system

_TITLE = 60
"""Characters of a script that the progress shows where the step has no name."""


def add_run_steps(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` after all steps, in their order."""
    spec = inputs.spec
    for index, run in enumerate(spec.run):
        title = run.name or " ".join(run.script.split())[:_TITLE]
        keys = ("run", run.name or "run")
        step = Step(f"[run {index + 1}/{len(spec.run)}] {title}", places.at(spec, "run", index), keys)
        system = run_in_system(inputs, system, run.script, step, env=environment(inputs, run), network=run.network)
    return system


def environment(inputs: PlanInputs, run: RunStep) -> tuple[tuple[str, str], ...]:
    """Return the variables of a step beside those of the base."""
    return tuple(sorted(run.env.items()))
