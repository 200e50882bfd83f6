"""One build request from top to bottom: options, build file, spec, plan, solve, result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from .errors import EngineError, UserError
from .failure import explain, to_status

if TYPE_CHECKING:
    import llb
    from frontend.config.syntax.diagnostics import Diagnostic
    from frontend.gateway.client import Client, Pong, Ref, Solved
    from frontend.plan.inputs import PlanInputs
    from spec.document import Spec

    from .config import Arguments
    from .context import BuildFile, Contexts
    from .options import BuildOptions

IMAGE_TARGET = "image"
REPORT_TARGET = "report"
_Result = TypeVar("_Result")


def handle(client: Client, environment: Mapping[str, str]) -> None:
    """Answer the request in `environment`. BuildKit gets exactly one answer, even after a bug."""
    source: llb.SourceFile | None = None
    try:
        pong = client.ping()  # before anything else: BuildKit waits for it
        from .context import Contexts, read_build_file
        from .options import parse_environment

        options = parse_environment(environment)
        inputs = client.inputs() if "frontend.inputs" in pong.frontend_caps else {}
        contexts = Contexts(options, inputs)
        build_file = read_build_file(client, contexts)
        source = build_file.source
        contexts = Contexts(options, inputs, build_file.ignore)
        result = _answer(Request(client, pong, options, contexts, build_file))
    except Exception as error:  # noqa: BLE001 - every failure must reach the user
        client.return_error(to_status(error, source))
    else:
        client.return_result(result)


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that is known before the build file is decoded."""

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
    # A build file can differ between platforms, by ${TARGETARCH}.
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
    """Read the build file for one platform, with one of the functions of `config`."""
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
    """Show the warnings of the lint. Raises `ConfigError` where the file makes them errors."""
    from frontend.config.rules.lint import check

    from .config import ConfigError

    found = check(request.build_file.source.data, spec)
    if any(each.severity == "error" for each in found):
        raise ConfigError(request.options.filename, found)
    for each in found:
        _show_warning(request, each)


def _check_target(spec: Spec, options: BuildOptions) -> None:
    from spec.values.wording import code, listing, quote, suggest
    from spec.values.words import OUTPUT_FORMATS

    targets = (*OUTPUT_FORMATS, IMAGE_TARGET, REPORT_TARGET)
    if options.target and options.target not in targets:
        near = suggest(options.target, targets)
        hint = f"did you mean {code(near)}?" if near else f"the targets are {listing(targets, 'and')}"
        raise UserError(f"unknown --target {quote(options.target)}: {hint}")


def _build(request: Request, spec: Spec, platform: llb.Platform) -> tuple[Ref, bytes]:
    """Build the target for one platform. Return the result and its OCI image config."""
    from frontend.build.measure import is_wanted, measure
    from frontend.build.packing import Packing
    from frontend.plan.bootable import check_kernel_key, choose_kernel
    from frontend.plan.image import plan_image
    from frontend.plan.kernel_checks import is_needed, warnings
    from frontend.plan.outputs import REPORT, plan_inspect, plan_outputs, plan_uki
    from frontend.plan.report import parse_report
    from frontend.plan.system import plan_stages

    from .result import image_config

    inputs = _gather(request, spec, platform)
    solve = partial(_solve, request)
    stages = plan_stages(inputs)
    system = stages[-1].state
    if request.options.target == IMAGE_TARGET:
        if is_needed(spec.kernel):
            report = parse_report(request.client.read_file(solve(plan_inspect(inputs, system)), REPORT))
            check_kernel_key(spec, report, platform)
        ref = solve(plan_image(inputs, system))
        return ref, image_config(inputs.base.config, platform, _labels(request, spec))
    packing = Packing(request.client, solve, inputs, stages)
    report = parse_report(request.client.read_file(solve(plan_inspect(inputs, system)), REPORT))
    kernel = choose_kernel(spec, report, platform)
    _warn(request, warnings(spec, report, kernel.version, platform.architecture))
    uki = plan_uki(inputs, system, report, kernel, packing.finish(report, kernel.version))
    reports, measured = None, is_wanted(inputs, uki)
    if measured:
        reports, found = measure(request.client, solve, inputs, system, uki)
        _warn(request, found)
    ref = reports or solve(plan_outputs(inputs, uki, laid_out=measured))
    return ref, image_config({}, platform, _labels(request, spec))


def _warn(request: Request, warnings: Iterable[Diagnostic]) -> None:
    """Show the warnings that only a build can give, except for those of the rules that the file turns off."""
    from frontend.config.rules.lint import skipped

    turned_off = skipped(request.build_file.source.data)
    for each in warnings:
        if each.rule not in turned_off:
            _show_warning(request, each)


def _show_warning(request: Request, warning: Diagnostic) -> None:
    from frontend.config.rules.lint import description, url
    from frontend.plan.places import to_llb

    source, place, rule = request.build_file.source, warning.range.head, warning.rule
    text = f"{place.file or request.options.filename}:{place.start.line}: {warning.text}"
    about, page = ((description(rule),), url(rule)) if rule else ((), "")
    shown = None if place.file else to_llb(place)
    request.client.warn(request.build_file.vertex, text, about, url=page, source=source, place=shown)


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
