"""The second question of planning: what exists at the paths that `files`, mounts and keys name."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING

import llb
from frontend.config.syntax.diagnostics import Diagnostic
from frontend.errors import AnswerError, EngineError, UserError
from frontend.failure import plain_reason
from frontend.plan import places
from frontend.plan.inputs import FileSource
from frontend.plan.origins import MAIN, Need, Origin, needs
from spec.values.wording import code, suggest

from .base import no_context, resolve_image

if TYPE_CHECKING:
    from frontend.context import Contexts
    from frontend.gateway.client import Client, Ref
    from spec.document import Spec

_WHOLE = "."
_NAMES = 2000
"""The most names of a directory that are compared with a wrong one."""
_LABELS = {"image": "[files]", "any": "[run]"}


def resolve_sources(
    client: Client, contexts: Contexts, spec: Spec, platform: llb.Platform
) -> Mapping[Origin, FileSource]:
    """Return every tree that files come from. Raises one `UserError` with everything that is missing."""
    wanted: dict[Origin, list[Need]] = {}
    for need in needs(spec):
        wanted.setdefault(need.origin, []).append(need)
    problems: list[Diagnostic] = []
    found: dict[Origin, FileSource] = {}
    for origin, asked in sorted(wanted.items()):
        place = asked[0].origin_range
        try:
            state = _tree(client, contexts, asked, platform, places.location(spec, place))
            source, missing = _look(client, state, asked)
        except UserError as error:
            problems.append(Diagnostic(place, error.message))
        except EngineError as error:
            if origin.kind == "context":
                raise
            problems.append(Diagnostic(place, f"{asked[0].key}: {origin.name}: {plain_reason(str(error))}"))
        else:
            problems += missing
            found[origin] = source
    if problems:
        raise places.user_error(spec, sorted(problems, key=lambda each: places.location(spec, each.range).start_line))
    return found


def _tree(
    client: Client, contexts: Contexts, asked: list[Need], platform: llb.Platform, location: llb.SourceRange
) -> llb.State:
    """Return the tree that contains all of `asked`."""
    origin = asked[0].origin
    paths = tuple(sorted({need.path for need in asked}))
    paths = () if _WHOLE in paths else paths
    if origin == MAIN:
        return contexts.main(paths)
    if origin.kind == "git":
        return _git(origin.name, location)
    context = contexts.named(origin.name) if origin.kind != "image" else None
    if origin.kind == "context" and context is None:
        raise UserError(no_context(contexts, origin.name))
    if context is not None and context.kind != "image":
        return contexts.named_state(context, paths)
    image, label = (context.value, f"[context {context.name}]") if context else (origin.name, _LABELS[origin.kind])
    try:
        return resolve_image(client, contexts, image, platform, at=location, label=label).state
    except UserError as error:
        if context is None and origin.kind == "any":
            raise UserError(f"{asked[0].key}: no build context is named {code(origin.name)}, and {error}") from None
        raise


def _git(address: str, location: llb.SourceRange) -> llb.State:
    url, _, place = address.partition("#")
    ref, _, subdir = place.partition(":")
    return llb.git(url, ref=ref, subdir=subdir, name=f"[files] {address}", location=location)


def _look(client: Client, state: llb.State, asked: list[Need]) -> tuple[FileSource, list[Diagnostic]]:
    """Return what is at the paths, and a message for each path that does not exist."""
    if all(need.path == _WHOLE for need in asked):
        return FileSource(state=state, folders=frozenset({_WHOLE})), []
    ref = client.solve(llb.marshal(state)).ref
    directories = {_WHOLE}
    problems: list[Diagnostic] = []
    for need in asked:
        if need.path in directories:
            continue
        stat = client.stat_file(ref, need.path) if ref is not None and ref.id else None
        if stat is None and need.optional:
            continue
        if stat is None:
            problems.append(Diagnostic(need.range, f"{need.key}: {_missing(client, ref, need)}"))
        elif stat.is_dir:
            directories.add(need.path)
    return FileSource(state=state, folders=frozenset(directories)), problems


def _where(origin: Origin) -> str:
    """Return what an origin is called in messages."""
    if origin == MAIN:
        return "build context"
    what = {"context": "build context", "image": "image", "git": "repository", "any": "context or image"}[origin.kind]
    return f"{what} {code(origin.name)}"


def _missing(client: Client, ref: Ref | None, need: Need) -> str:
    where = _where(need.origin)
    directory, name = posixpath.split(need.path)
    names = _names(client, ref, directory)
    if target := names.get(name):
        return f"{code(need.path)} is a link to {code(target)}, which is not in the {where}"
    text = f"{code(need.path)} is not in the {where}"
    if need.origin == MAIN:  # it has only the requested paths, so none is similar
        return f"{text}: check the name, and whether .dockerignore excludes it"
    near = suggest(name, [*names][:_NAMES])
    return f"{text}: did you mean {code(posixpath.join(directory, near))}?" if near else f"{text}: check the name"


def _names(client: Client, ref: Ref | None, directory: str) -> Mapping[str, str]:
    try:
        return client.list_directory(ref, directory or "/") if ref is not None and ref.id else {}
    except (AnswerError, EngineError):
        return {}
