"""One build request from top to bottom: options, build file, spec, plan, solve, result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
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
    """Answer the request in `environment`. Every outcome, a bug included, is told to BuildKit exactly once."""
    source: llb.SourceFile | None = None
    try:
        pong = client.ping()  # first of all: BuildKit waits for it
        from .build.request import Request
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


def _answer(request: Request) -> Solved:
    from .build.platform import build
    from .result import assemble

    options = request.options
    if options.request_id:
        from frontend.subrequests.answers import Question, answer

        from .config import load, load_outline

        read = partial(_read, load, request, options.platforms[0])
        outline = partial(_read, load_outline, request, options.platforms[0])
        return answer(options.request_id, Question(request.build_file.source, read, outline))
    spec = _load(request, options.platforms[0])
    _check_target(spec, options)
    _lint(request, spec)
    options = options.completed(spec.platforms, spec.source_date_epoch)
    # A file can say something else for each platform: ${TARGETARCH}.
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

    from .build.request import tell
    from .config import ConfigError, Diagnostic

    found = check(request.build_file.source.data, spec)
    if found.fails and found.findings:
        told = (Diagnostic(each.range, f"{each.message} [{each.rule}]") for each in found.findings)
        raise ConfigError(request.options.filename, tuple(told))
    for each in found.findings:
        tell(request, each.range, each.message, each.rule)


def _check_target(spec: Spec, options: BuildOptions) -> None:
    from .targets import TARGETS

    if options.target and options.target not in TARGETS:
        near = get_close_matches(options.target, TARGETS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UserError(f"unknown --target {options.target!r}{hint}: expected one of {', '.join(TARGETS)}")
