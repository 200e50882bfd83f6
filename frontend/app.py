"""One build request from top to bottom: options, build file, spec, plan, solve, result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from .errors import EngineError, UserError
from .failure import explain, to_status

if TYPE_CHECKING:
    import llb
    from frontend.gateway.client import Client, Pong, Ref, Solved
    from frontend.plan.inputs import PlanInputs
    from frontend.plan.kernel import Notice
    from spec.document import Spec
    from spec.positions import Range

    from .config import Arguments
    from .context import BuildFile, Contexts
    from .options import BuildOptions

IMAGE_TARGET = "image"
REPORT_TARGET = "report"
_Result = TypeVar("_Result")


def handle(client: Client, environment: Mapping[str, str]) -> None:
    """Answer the request in `environment`. Every outcome, a bug included, is told to BuildKit exactly once."""
    source: llb.SourceFile | None = None
    try:
        pong = client.ping()  # first of all: BuildKit waits for it
        from .context import Contexts, read_build_file
        from .options import parse_environment

        options = parse_environment(environment)
        inputs = client.inputs() if "frontend.inputs" in pong.frontend_caps else {}
        contexts = Contexts(options, inputs)
        build_file = read_build_file(client, contexts)
        source = build_file.source
        contexts = Contexts(options, inputs, build_file.ignore)
        result = _answer(Request(client, pong, options, contexts, build_file))
    except Exception as error:  # noqa: BLE001 - the user must hear of every failure
        client.return_error(to_status(error, source))
    else:
        client.return_result(result)


@dataclass(frozen=True, slots=True)
class Request:
    """All that is known before the build file is decoded."""

    client: Client
    pong: Pong
    options: BuildOptions
    contexts: Contexts
    build_file: BuildFile

    def on(self, options: BuildOptions, platform: llb.Platform) -> Request:
        """Return the part of the request that is about one platform."""
        own = options.on(platform)
        return replace(self, options=own, contexts=replace(self.contexts, options=own))


def _answer(request: Request) -> Solved:
    from .result import assemble

    options = request.options
    if options.request_id:
        from frontend.subrequests.answers import Question, answer

        from .config import load, load_outline

        read = partial(_read, load, request, options.platforms[0])
        outline = partial(_read, load_outline, request, options.platforms[0])
        return answer(options.request_id, Question(request.build_file.source, read, outline, IMAGE_TARGET))
    spec = _load(request, options.platforms[0])
    _check_target(spec, options)
    _lint(request, spec)
    options = options.completed(spec.platforms, spec.source_date_epoch)
    # A file can say something else for each platform: ${TARGETARCH}.
    specs = {each: spec if each == request.options.platforms[0] else _load(request, each) for each in options.platforms}
    with ThreadPoolExecutor(max_workers=len(specs)) as pool:
        built = pool.map(lambda each: _build(request.on(options, each[0]), each[1], each[0]), specs.items())
        return assemble(options, dict(zip(specs, built, strict=True)))


def _load(request: Request, platform: llb.Platform) -> Spec:
    from .config import load

    return _read(load, request, platform)


def _read(
    how: Callable[[bytes, str, Arguments, Callable[[str], bytes | None]], _Result],
    request: Request,
    platform: llb.Platform,
) -> _Result:
    """Read the build file with one of the functions of `config`, for one platform."""
    from .config import Arguments
    from .context import read_context_file

    options = request.options
    arguments = Arguments(given=options.build_args, platform=options.platform_arguments(platform))
    return how(
        request.build_file.source.data,
        options.filename,
        arguments,
        lambda path: read_context_file(request.client, request.contexts, path),
    )


def _lint(request: Request, spec: Spec) -> None:
    """Warn of what the lint finds; raise it all as errors where the file wants that."""
    from frontend.config.rules.lint import check

    from .config import ConfigError, Diagnostic

    found = check(request.build_file.source.data, spec)
    if found.fails and found.findings:
        told = (Diagnostic(each.range, f"{each.message} [{each.rule}]") for each in found.findings)
        raise ConfigError(request.options.filename, tuple(told))
    for each in found.findings:
        _tell(request, each.range, each.message, each.rule)


def _check_target(spec: Spec, options: BuildOptions) -> None:
    from spec.values.words import OUTPUT_FORMATS

    targets = (*OUTPUT_FORMATS, IMAGE_TARGET, REPORT_TARGET)
    if options.target and options.target not in targets:
        near = get_close_matches(options.target, targets, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UserError(f"unknown --target {options.target!r}{hint}: expected one of {', '.join(targets)}")


def _build(request: Request, spec: Spec, platform: llb.Platform) -> tuple[Ref, bytes]:
    """Build what the target asks for on one platform; return it with its OCI image config."""
    from frontend.build.emulation import check_programs
    from frontend.build.measure import is_wanted, measure
    from frontend.build.packing import Packing
    from frontend.plan.image import plan_image
    from frontend.plan.kernel import is_checked, warnings
    from frontend.plan.outputs import REPORT, plan_inspect, plan_outputs, plan_uki
    from frontend.plan.report import check_kernel_key, choose_kernel, parse_report
    from frontend.plan.system import plan_stages

    from .result import image_config

    inputs = _gather(request, spec, platform)
    solve = partial(_solve, request)
    stages = plan_stages(inputs)
    system = stages[-1].state
    check_programs(request.client, inputs, system, request.build_file.source)
    if request.options.target == IMAGE_TARGET:
        if is_checked(spec.kernel):
            report = parse_report(request.client.read_file(solve(plan_inspect(inputs, system)), REPORT))
            check_kernel_key(spec, report, platform)
        ref = solve(plan_image(inputs, system))
        return ref, image_config(inputs.base.config, platform, _labels(request, spec))
    packing = Packing(request.client, solve, inputs, stages)
    report = parse_report(request.client.read_file(solve(plan_inspect(inputs, system)), REPORT))
    kernel = choose_kernel(spec, report, platform)
    _warn(request, spec, warnings(spec, report, kernel.version, platform.architecture))
    uki = plan_uki(inputs, system, report, kernel, packing.finish(report, kernel.version))
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
            _tell(request, spec.positions.of(*notice.path).head, notice.text, notice.rule)


def _tell(request: Request, place: Range, message: str, rule: str) -> None:
    """Show a warning at its place; `rule` may be empty."""
    from frontend.config.rules.lint import description, url
    from frontend.plan.places import to_llb

    source = request.build_file.source
    text = f"{place.file or request.options.filename}:{place.start.line}: {message}" + (f" [{rule}]" if rule else "")
    about, page = ((description(rule),), url(rule)) if rule else ((), "")
    shown = None if place.file else to_llb(place)
    request.client.warn(request.build_file.vertex, text, about, url=page, source=source, place=shown)


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
