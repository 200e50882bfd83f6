"""One build on one platform, from its spec to the built outputs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from frontend.errors import EngineError, UserError
from frontend.failure import explain
from frontend.targets import IMAGE

from .request import Request, tell

if TYPE_CHECKING:
    import llb
    from frontend.gateway.client import Pong, Ref
    from frontend.plan.inputs import PlanInputs
    from frontend.plan.kernel import Notice
    from spec.document import Spec


def build(request: Request, spec: Spec, platform: llb.Platform) -> tuple[Ref, bytes]:
    """Build what the target asks for on one platform; return it with its OCI image config."""
    from frontend.build.measure import is_wanted, measure
    from frontend.build.packing import Packing
    from frontend.plan import hidden, kernel, leftovers
    from frontend.plan.image import plan_image
    from frontend.plan.outputs import REPORT, plan_inspect, plan_outputs, plan_uki
    from frontend.plan.report import check_keys, choose_kernel, parse_report
    from frontend.plan.system import plan_system
    from frontend.result import image_config

    inputs = _gather(request, spec, platform)
    solve = partial(_solve, request)
    planned = plan_system(inputs)
    system = planned.finished
    if request.options.target == IMAGE:
        if kernel.is_checked(spec.kernel) or spec.mounts:
            report = parse_report(request.client.read_file(solve(plan_inspect(inputs, planned)), REPORT))
            check_keys(spec, report, platform)
        ref = solve(plan_image(inputs, system))
        return ref, image_config(inputs.base.config, platform, _labels(request, spec))
    packing = Packing(request.client, solve, inputs, planned.stages)
    report = parse_report(request.client.read_file(solve(plan_inspect(inputs, planned)), REPORT))
    chosen = choose_kernel(spec, report, platform)
    _warn(request, spec, kernel.warnings(spec, report, chosen.version, platform.architecture))
    _warn(request, spec, (*leftovers.warnings(report), *hidden.warnings(spec, report)))
    uki = plan_uki(inputs, system, report, chosen, packing.finish(report, chosen.version))
    reports, measured = None, is_wanted(inputs, uki)
    if measured:
        reports, found = measure(request.client, solve, inputs, system, uki)
        _warn(request, spec, found)
    ref = reports or solve(plan_outputs(inputs, uki, laid_out=measured))
    return ref, image_config({}, platform, _labels(request, spec))


def _warn(request: Request, spec: Spec, notices: Iterable[Notice]) -> None:
    """Warn of what only the build found, without what the file leaves out."""
    from frontend.config.rules.lint import skipped

    left_out = skipped(request.build_file.source.data)
    for notice in notices:
        if notice.rule not in left_out:
            tell(request, spec.positions.of(*notice.path).head, notice.text, notice.rule)


def _labels(request: Request, spec: Spec) -> dict[str, str]:
    """Return the labels of the result; those of the command line win over those of the file."""
    own = {"org.opencontainers.image.title": spec.name}
    if spec.version:
        own["org.opencontainers.image.version"] = spec.version
    return {**own, **spec.labels, **request.options.labels}


def _gather(request: Request, spec: Spec, platform: llb.Platform) -> PlanInputs:
    from frontend.plan.inputs import PlanInputs
    from frontend.resolve.base import own_image, resolve_base
    from frontend.resolve.files import resolve_sources

    client, contexts = request.client, request.contexts
    return PlanInputs(
        spec=spec,
        options=request.options,
        caps=request.pong.llb_caps,
        platform=platform,
        base=resolve_base(client, contexts, spec, platform),
        sources=resolve_sources(client, contexts, spec, platform),
        imager=own_image(contexts),
    )


def _solve(request: Request, state: llb.State) -> Ref:
    """Build `state` now, so that a failure can be told in the words of the build file."""
    import llb
    from frontend.gateway.client import CacheImport, Ref

    source = request.build_file.source
    definition = llb.marshal(state, source)
    _check_caps(definition.caps, request.pong)
    imports = tuple(CacheImport(kind, attrs) for kind, attrs in request.options.cache_imports)
    try:
        solved = request.client.solve(definition, evaluate=True, cache_imports=imports)
    except EngineError as error:
        raise explain(error, definition, source) from None
    return solved.ref or Ref("")


def _check_caps(needed: frozenset[str], pong: Pong) -> None:
    missing = sorted(needed - pong.llb_caps)
    if missing and pong.llb_caps:
        reasons = "; ".join(f"{cap}: {pong.disabled.get(cap) or 'unknown to this engine'}" for cap in missing)
        raise UserError(f"this engine (dockerd or BuildKit) is too old for this build: {reasons}")
