"""One build request from top to bottom: options, build file, spec, plan, solve, result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from .errors import UserError
from .failure import to_status

if TYPE_CHECKING:
    import llb
    from spec.document import Spec

    from .build.request import Request
    from .config import Arguments
    from .gateway.client import Client, Solved
    from .options import BuildOptions

_Result = TypeVar("_Result")


def handle(client: Client, environment: Mapping[str, str]) -> None:
    """Answer the request in `environment`. BuildKit gets exactly one answer, even after a bug."""
    source: llb.SourceFile | None = None
    try:
        pong = client.ping()  # before anything else: BuildKit waits for it
        from .build.request import Request
        from .context import Contexts, read_build_file
        from .options import parse_environment

        options = parse_environment(environment)
        inputs = client.inputs() if "frontend.inputs" in pong.frontend_caps else {}
        contexts = Contexts(options, inputs, caps=pong.llb_caps)
        build_file = read_build_file(client, contexts)
        source = build_file.source
        if build_file.is_context:
            options = replace(options, filename=source.filename)
        contexts = replace(contexts, options=options, ignore=build_file.ignore, is_file=build_file.is_context)
        result = _answer(Request(client, pong, options, contexts, build_file))
    except Exception as error:  # noqa: BLE001 - every failure must reach the user
        client.return_error(to_status(error, source))
    else:
        client.return_result(result)


def _answer(request: Request) -> Solved:
    from .build.platform import build
    from .result import assemble

    options = request.options
    if options.request_id:
        from frontend.subrequests.answers import Question, answer

        from .config import load, load_outline

        read = partial(_read, load, request, options.platforms[0])
        outline = partial(_read, load_outline, request, options.platforms[0])
        return answer(options.request_id, Question(request.build_file.source, options.target, read, outline))
    spec = _load(request, options.platforms[0])
    _check_target(spec, options)
    _lint(request, spec)
    _warn_of_scanner(request)
    options = options.completed(spec.platforms, spec.source_date_epoch)
    # A build file can differ between platforms, by ${TARGETARCH}.
    specs = {each: spec if each == request.options.platforms[0] else _load(request, each) for each in options.platforms}
    with ThreadPoolExecutor(max_workers=len(specs)) as pool:
        built = pool.map(lambda each: build(request.on(options, each[0]), each[1], each[0]), specs.items())
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

    from .build.request import tell
    from .config import ConfigError

    found = check(request.build_file.source.data, spec)
    if any(each.severity == "error" for each in found):
        raise ConfigError(request.options.filename, found)
    for each in found:
        tell(request, each)


def _warn_of_scanner(request: Request) -> None:
    """Tell who names a scanner that it does not run: one that looks at the outputs finds nothing in them."""
    if request.options.sbom:
        text = f"Claylinux lists what is in the system itself: {request.options.sbom} does not run"
        request.client.warn(request.build_file.vertex, text)


def _check_target(spec: Spec, options: BuildOptions) -> None:
    from spec.formats import FORMATS, formats_on_disk
    from spec.values.wording import code, listing, quote, suggest

    from .targets import TARGETS

    if options.target and options.target not in TARGETS:
        near = suggest(options.target, TARGETS)
        hint = f"did you mean {code(near)}?" if near else f"the targets are {listing(TARGETS, 'and')}"
        raise UserError(f"unknown --target {quote(options.target)}: {hint}")
    if spec.rootfs.on_disk and options.target in FORMATS and not FORMATS[options.target].has_disk:
        from .plan import places

        able = listing(formats_on_disk())
        text = f"--target {options.target} has no disk for `rootfs: {{source: disk}}`: choose {able}"
        raise UserError(text, (places.location_of(spec, "rootfs", "source"),))
