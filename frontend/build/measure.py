"""The sizes of a finished UKI, compared with the limits of the spec, and the report about them.

This is not part of the plan: the sizes are known only after the UKI is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontend import documents
from frontend.targets import REPORT
from imager import memory

if TYPE_CHECKING:
    from collections.abc import Callable

    import llb
    from frontend.config.syntax.diagnostics import Diagnostic
    from frontend.gateway.client import Client, Ref
    from frontend.plan.inputs import PlanInputs
    from frontend.plan.outputs import Uki
    from frontend.plan.sizes import Earlier
    from frontend.plan.system import PlannedSystem

_BIG = 1 << 30
"""Bytes. The UKI of a smaller system is far from the size that firmware cannot start."""
_LAYOUT = {"size": int}
_COPIED = {**_LAYOUT, "layers": {"size": int}}


def is_wanted(inputs: PlanInputs, uki: Uki) -> bool:
    """Return whether sizes matter in this build. Measuring them takes one more solve."""
    limits = inputs.spec.limits
    asked = inputs.options.target == REPORT
    return asked or limits.uki is not None or limits.ram is not None or uki.system.size >= _BIG


def measure(
    client: Client,
    solve: Callable[[llb.State], Ref],
    inputs: PlanInputs,
    system: PlannedSystem,
    uki: Uki,
    previous: Earlier | None,
) -> tuple[Ref | None, tuple[Diagnostic, ...]]:
    """Lay out the UKI and compare it with the limits. Return the reports (where the build needs them) and warnings.

    The reports compare with the `previous` one. Raises `UserError` at each exceeded limit, unless the report is the
    target.
    """
    from frontend.plan import limits, places
    from frontend.plan.outputs import wanted_outputs
    from frontend.plan.sizes import plan_sizes, report_name
    from spec.formats import FORMATS

    spec = inputs.spec
    found = client.read_file(solve(uki.shipped), uki.FILE)
    shown = documents.read(found, "the layout of the UKI", _COPIED if spec.rootfs.copy else _LAYOUT)
    size: int = shown["size"]
    copied: int = shown["layers"]["size"] if spec.rootfs.copy else 0
    # The output that needs the most memory counts.
    stub_adds = uki.request.stub_adds or (
        not uki.changed and any(FORMATS[output.format].os_release for output in wanted_outputs(inputs))
    )
    ram = memory.required_ram(uki.system.mode, size, uki.system.unpacked, stub_adds=stub_adds, copied=copied)
    problems = tuple(limits.exceeded(spec, size, ram))
    asked = inputs.options.target == REPORT
    # The report helps to get below a limit, so `--target report` works even when one is exceeded.
    reports = solve(plan_sizes(inputs, system, uki, previous, stub_adds=stub_adds)) if asked or problems else None
    if problems and not asked:
        assert reports is not None
        found = client.read_file(reports, report_name(spec.name, "json"))
        measured = documents.read(found, "the size report", limits.MEASURED)
        raise places.user_error(spec, problems, note=limits.largest_parts(measured))
    return reports, (*(each._replace(severity="warning") for each in problems), *limits.warnings(spec, size))
