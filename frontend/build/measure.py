"""Sizes of a finished UKI against the limits of the spec, and the report about them.

Beside the plan: what a limit is compared with is known only when the UKI is built.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from frontend.errors import UserError
from imager import memory

if TYPE_CHECKING:
    from collections.abc import Callable

    import llb
    from frontend.gateway.client import Client, Ref
    from frontend.plan.inputs import PlanInputs
    from frontend.plan.kernel import Notice
    from frontend.plan.outputs import Uki

_REPORT = "report"
_BIG = 1 << 30
"""Bytes of a system below which no UKI comes near what firmware cannot start."""


def is_wanted(inputs: PlanInputs, uki: Uki) -> bool:
    """Tell whether sizes matter in this build: looking at them takes a solve of its own."""
    limits = inputs.spec.limits
    asked = inputs.options.target == _REPORT
    return asked or limits.uki is not None or limits.ram is not None or uki.system.size >= _BIG


def measure(
    client: Client, solve: Callable[[llb.State], Ref], inputs: PlanInputs, system: llb.State, uki: Uki
) -> tuple[Ref | None, tuple[Notice, ...]]:
    """Lay the UKI out and compare it with the limits; return the reports, if they are the target, and warnings.

    Raises `UserError` at each limit that is exceeded.
    """
    from frontend.plan import limits, places
    from frontend.plan.kernel import Notice
    from frontend.plan.outputs import wanted_outputs
    from frontend.plan.sizes import plan_sizes, report_name
    from imager.contract import FORMATS

    spec = inputs.spec
    size: int = json.loads(client.read_file(solve(uki.layout), uki.FILE))["size"]
    # What needs most counts.
    os_release = any(FORMATS[output.format].os_release for output in wanted_outputs(inputs))
    ram = memory.need(uki.system.mode, size, uki.system.unpacked, os_release=os_release)
    problems = tuple(limits.exceeded(spec, size, ram))
    asked = inputs.options.target == _REPORT
    # The report is what helps to get below a limit: it is there whatever the limits say.
    reports = solve(plan_sizes(inputs, system, uki, ram)) if asked or problems else None
    if problems and not asked:
        assert reports is not None
        measured = json.loads(client.read_file(reports, report_name(spec.name, "json")))
        ranges = tuple(places.location_of(spec, *path) for _, path in problems)
        raise UserError("\n".join([*(text for text, _ in problems), limits.biggest(measured)]), ranges)
    return reports, (*(Notice(text, path) for text, path in problems), *limits.warnings(size))
