"""One build on one platform, from its spec to the built outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from frontend.errors import EngineError, UserError
from frontend.failure import explain
from frontend.targets import IMAGE, REPORT, SBOM_FORMS, TBS, UPDATE

from .request import Request, tell

if TYPE_CHECKING:
    import llb
    from frontend.config.syntax.diagnostics import Diagnostic
    from frontend.gateway.client import Pong, Ref
    from frontend.plan.inputs import PlanInputs
    from frontend.plan.outputs import Uki
    from frontend.plan.sizes import Earlier
    from frontend.plan.system import PlannedSystem
    from frontend.result import Built
    from spec.document import Spec

_ATTESTATIONS = "reference.attestations"
"""The capability of engines that take statements about a result."""


def build(request: Request, spec: Spec, platform: llb.Platform) -> Built:
    """Build the target for one platform, and the list of what is in the system if the client wants one."""
    from frontend.build.emulation import check_programs
    from frontend.build.occupied import check_places
    from frontend.plan.enrollment import is_all, plan_all
    from frontend.plan.secure_boot import for_target
    from frontend.plan.system import plan_system
    from frontend.plan.update import check_target
    from frontend.result import Built, image_config

    from .background import start

    check_target(spec, request.options.target)
    spec = for_target(spec, request.options.target)
    inputs = _gather(request, spec, platform)
    previous = _previous(request, spec, platform)
    solve = partial(_solve, request)
    if is_all(spec, request.options.target):
        return Built(solve(plan_all(inputs)), image_config({}, platform, _labels(request, spec)))
    planned = plan_system(inputs)
    check_programs(request.client, inputs, planned.finished, request.build_file.source)
    target = request.options.target
    if target in SBOM_FORMS:
        from frontend.plan.sbom import plan_sbom

        check_places(request.client, solve, inputs, planned.without_files)
        ref = solve(plan_sbom(inputs, planned.finished, SBOM_FORMS[target]))
        return Built(ref, image_config({}, platform, _labels(request, spec)))
    if request.options.sbom is None or _ATTESTATIONS not in request.pong.frontend_caps:
        return _build_target(request, inputs, planned, previous, solve)
    from frontend.plan.sbom import ATTESTED, plan_sbom

    listed = plan_sbom(inputs, planned.finished, "spdx", path=ATTESTED, boots=target != IMAGE)
    # Beside the packing, which takes longer.
    sbom = start(lambda: solve(listed))
    return replace(_build_target(request, inputs, planned, previous, solve), sbom=sbom.result(), sbom_path=ATTESTED)


def _previous(request: Request, spec: Spec, platform: llb.Platform) -> Earlier | None:
    """Return the earlier report to compare with, if the target is one."""
    if request.options.target != REPORT:
        return None
    from .previous import find

    return find(request.client, request.contexts, spec.name, platform)


def _build_target(
    request: Request,
    inputs: PlanInputs,
    planned: PlannedSystem,
    previous: Earlier | None,
    solve: Callable[[llb.State], Ref],
) -> Built:
    from frontend.build.measure import is_wanted, measure
    from frontend.build.occupied import check_places
    from frontend.build.packing import Packing
    from frontend.plan import hidden, leftovers
    from frontend.plan.bootable import check_keys, choose_kernel
    from frontend.plan.image import FOUND, finish_image, plan_image
    from frontend.plan.kernel_checks import is_needed, warnings
    from frontend.plan.outputs import REPORT as INSPECTED
    from frontend.plan.outputs import plan_inspect, plan_outputs, plan_uki
    from frontend.plan.packing import key_warnings
    from frontend.plan.packing import warnings as packing_warnings
    from frontend.plan.report import parse_report
    from frontend.plan.secure_boot import plan_check, plan_pcrs, plan_tbs, sign, sign_measurements
    from frontend.plan.update import is_signed_in
    from frontend.result import Built, image_config

    spec, platform, system = inputs.spec, inputs.platform, planned.finished
    labels = _labels(request, spec)
    _warn(request, leftovers.lost_owners(inputs))
    if request.options.target == IMAGE:
        check_places(request.client, solve, inputs, planned.without_files)
        if is_needed(spec.kernel) or spec.mounts or spec.swap:
            report = parse_report(request.client.read_file(solve(plan_inspect(inputs, planned)), INSPECTED))
            check_keys(spec, report, platform)
        image = plan_image(inputs, system)
        state, keys = finish_image(image, request.client.read_file(solve(image.found), FOUND))
        _warn(request, key_warnings(spec, keys))
        return Built(solve(state), image_config(inputs.base.config, platform, labels))
    packing = Packing(request.client, solve, inputs, planned.stages)
    certificate = plan_check(inputs) if spec.secure_boot else None
    if certificate:
        solve(certificate)
    check_places(request.client, solve, inputs, planned.without_files)
    report = parse_report(request.client.read_file(solve(plan_inspect(inputs, planned)), INSPECTED))
    kernel = choose_kernel(spec, report, platform)
    _warn(request, warnings(spec, report, kernel.version, platform.architecture))
    _warn(request, (*leftovers.warnings(spec, report), *hidden.warnings(spec, report), *hidden.broken(spec, report)))
    packed = packing.finish(report, kernel.version)
    _warn(request, packing_warnings(spec, packed))
    uki = plan_uki(inputs, system, report, kernel, packed, certificate)
    beside: tuple[llb.State, ...] = ()
    if certificate:
        uki = sign_measurements(inputs, uki)
        if request.options.target == TBS:
            return Built(solve(plan_tbs(inputs, uki, certificate)), image_config({}, platform, labels))
        beside = (plan_pcrs(inputs, uki),)
        uki = sign(inputs, uki, certificate)
    if spec.update and is_signed_in(request.options.target):
        from frontend.plan.update_media import add_index

        uki = add_index(inputs, uki, certificate)
    reports, measured = None, is_wanted(inputs, uki)
    if measured:
        reports, found = measure(request.client, solve, inputs, planned, uki, previous)
        _warn(request, found)
    if request.options.target == UPDATE:
        return Built(_pieces(request, inputs, uki, solve), image_config({}, platform, labels))
    ref = reports or solve(plan_outputs(inputs, uki, beside, laid_out=measured))
    return Built(ref, image_config({}, platform, labels))


def _pieces(request: Request, inputs: PlanInputs, uki: Uki, solve: Callable[[llb.State], Ref]) -> Ref:
    """Build what machines fetch. How many pieces there are is known only when the index is built."""
    from frontend.plan.update_media import index_of, plan_layers, plan_pieces

    index = request.client.read_file(solve(uki.shipped), index_of(uki))
    return solve(plan_layers(plan_pieces(inputs, uki), index))


def _warn(request: Request, warnings: Iterable[Diagnostic]) -> None:
    """Show the warnings that only a build can give, except for those of the rules that the file turns off.

    Raises `ConfigError` for the rules that can fail a build, if the file wants that.
    """
    from frontend.config import ConfigError
    from frontend.config.rules.lint import FAILING, fails, skipped

    data = request.build_file.source.data
    found = [each for each in warnings if each.rule not in skipped(data)]
    failing = tuple(each._replace(severity="error") for each in found if each.rule in FAILING and fails(data))
    if failing:
        raise ConfigError(request.options.filename, failing)
    for each in found:
        tell(request, each)


def _labels(request: Request, spec: Spec) -> dict[str, str]:
    """Return the labels of the result. Those of the command line win over those of the file."""
    own = {"org.opencontainers.image.title": spec.name}
    if spec.version:
        own["org.opencontainers.image.version"] = spec.version
    return {**own, **spec.labels, **request.options.labels}


def _gather(request: Request, spec: Spec, platform: llb.Platform) -> PlanInputs:
    from frontend.plan.inputs import PlanInputs
    from frontend.resolve.base import own_image, resolve_base
    from frontend.resolve.files import resolve_sources

    from .background import start

    client, contexts = request.client, request.contexts
    # Beside the base: neither needs the other, and both may have to wait for somebody.
    sources = start(lambda: resolve_sources(client, contexts, spec, platform))
    return PlanInputs(
        spec=spec,
        options=request.options,
        caps=request.pong.llb_caps,
        platform=platform,
        base=resolve_base(client, contexts, spec, platform),
        sources=sources.result(),
        imager=own_image(contexts),
    )


def _solve(request: Request, state: llb.State) -> Ref:
    """Build `state` now, so that a failure can be explained in terms of the build file."""
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
        reasons = "; ".join(f"{cap}: {pong.disabled.get(cap) or 'not supported'}" for cap in missing)
        raise UserError(f"this build needs a newer engine (dockerd or BuildKit): {reasons}")
