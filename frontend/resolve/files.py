"""The second question of planning: what is at the paths that `files`, mounts and keys are taken from."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

import llb
from frontend.errors import EngineError, UserError
from frontend.failure import plain_reason
from frontend.plan.inputs import FileSource
from frontend.plan.origins import MAIN, Need, Origin, needs

from .base import no_context, resolve_image

if TYPE_CHECKING:
    from frontend.context import Contexts
    from frontend.gateway.client import Client, Ref
    from spec.document import Spec

_WHOLE = "."
_LABELS = {"image": "[files]", "any": "[run]"}
_Problem = tuple[llb.SourceRange, str]


def resolve_sources(
    client: Client, contexts: Contexts, spec: Spec, platform: llb.Platform
) -> Mapping[Origin, FileSource]:
    """Return every tree that something is taken from. Raises one `UserError` with all that is missing."""
    wanted: dict[Origin, list[Need]] = {}
    for need in needs(spec):
        wanted.setdefault(need.origin, []).append(need)
    problems: list[_Problem] = []
    found: dict[Origin, FileSource] = {}
    for origin, asked in sorted(wanted.items()):
        try:
            state = _tree(client, contexts, asked, platform)
            folders, missing = _folders(client, state, asked)
        except UserError as error:
            problems.append((asked[0].origin_at, error.message))
        except EngineError as error:
            if origin.kind == "context":
                raise
            text = f"{asked[0].key}: {origin.name}: {plain_reason(str(error))}"
            problems.append((asked[0].origin_at, text))
        else:
            problems += missing
            found[origin] = FileSource(state=state, folders=folders)
    if problems:
        problems.sort(key=lambda problem: problem[0].start_line)
        raise UserError("\n".join(text for _, text in problems), tuple(place for place, _ in problems))
    return found


def _tree(client: Client, contexts: Contexts, asked: list[Need], platform: llb.Platform) -> llb.State:
    """Return the tree that all of `asked` are in."""
    origin, at = asked[0].origin, asked[0].origin_at
    paths = tuple(sorted({need.path for need in asked}))
    paths = () if _WHOLE in paths else paths
    if origin == MAIN:
        return contexts.main(paths)
    if origin.kind == "git":
        return _git(origin.name, at)
    context = contexts.named(origin.name) if origin.kind != "image" else None
    if origin.kind == "context" and context is None:
        raise UserError(no_context(contexts, origin.name), (at,))
    if context is not None and context.kind != "image":
        return contexts.named_state(context, paths)
    image, label = (context.value, f"[context {context.name}]") if context else (origin.name, _LABELS[origin.kind])
    try:
        return resolve_image(client, contexts, image, platform, at=at, label=label).state
    except UserError as error:
        if context is None and origin.kind == "any":
            raise UserError(f"{asked[0].key}: there is no build context {origin.name!r}, and {error}", (at,)) from None
        raise


def _git(address: str, at: llb.SourceRange) -> llb.State:
    url, _, place = address.partition("#")
    ref, _, subdir = place.partition(":")
    return llb.git(url, ref=ref, subdir=subdir, name=f"[files] {address}", location=at)


def _folders(client: Client, state: llb.State, asked: list[Need]) -> tuple[frozenset[str], list[_Problem]]:
    """Return which of the paths are folders, and what is wrong with those that are not there at all."""
    if all(need.path == _WHOLE for need in asked):
        return frozenset({_WHOLE}), []
    ref = client.solve(llb.marshal(state)).ref
    folders, problems = {_WHOLE}, []
    for need in asked:
        if need.path in folders:
            continue
        stat = client.stat_file(ref, need.path) if ref is not None and ref.id else None
        if stat is None:
            problems.append((need.at, f"{need.key}: {_missing(client, ref, need)}"))
        elif stat.is_dir:
            folders.add(need.path)
    return frozenset(folders), problems


def _missing(client: Client, ref: Ref | None, need: Need) -> str:
    origin = need.origin
    if origin == MAIN:
        return f"{need.path!r} is not in the build context; is the name right, and does .dockerignore let it through?"
    what = {"context": "build context", "image": "image", "git": "repository", "any": "context or image"}[origin.kind]
    near = _similar(client, ref, need.path)
    hint = f"did you mean {near!r}?" if near else "is the name right?"
    return f"{need.path!r} is not in the {what} {origin.name!r}; {hint}"


def _similar(client: Client, ref: Ref | None, path: str) -> str | None:
    """Return a path beside `path` that was perhaps meant. Of a folder on the client only what was asked for is here."""
    folder, name = posixpath.split(path)
    try:
        names = client.list_folder(ref, folder or "/") if ref is not None and ref.id else ()
    except EngineError:
        return None
    near = get_close_matches(name, names, n=1)
    return posixpath.join(folder, near[0]) if near else None
