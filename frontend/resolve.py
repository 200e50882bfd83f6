"""The questions that planning needs answered first: the base image, and what is at the paths to copy."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import llb

from .config import ContextBase, CopiedFile, ImageBase, PresetBase, Spec
from .distro.registry import PRESETS
from .errors import EngineError, UserError
from .plan import places
from .plan.inputs import BaseImage, FileSource

if TYPE_CHECKING:
    from .context import Contexts
    from .gateway.client import Client

_OWN_IMAGE = Path("/run/config/buildkit/metadata/frontend.bin")


def resolve_base(client: Client, contexts: Contexts, spec: Spec, platform: llb.Platform) -> BaseImage:
    """Return the tree and image config that the system starts from. Raises `UserError` at the `base` key."""
    match spec.base:
        case PresetBase(preset=preset):
            release = PRESETS[preset]
            if platform.architecture not in release.kernels:
                known = ", ".join(f"linux/{name}" for name in sorted(release.kernels))
                raise UserError(f"preset {preset!r} is there for {known}, not for {platform}", _at_base(spec))
            return _image(client, contexts, spec, release.image, platform)
        case ImageBase(image=image):
            return _image(client, contexts, spec, image, platform)
        case ContextBase(context=name):
            context = contexts.named(name)
            if context is None:
                raise UserError(_no_context(contexts, name), _at_base(spec))
            if context.kind == "image":
                return _image(client, contexts, spec, context.value, platform, label=f"[context {name}]")
            return BaseImage(state=contexts.named_state(context), config=contexts.input_config(context))


def _image(
    client: Client, contexts: Contexts, spec: Spec, image: str, platform: llb.Platform, label: str = "[base]"
) -> BaseImage:
    """Look an image up, unless a named context replaces it, and pin what was found."""
    override = contexts.named(image)
    if override is not None and override.kind != "image":
        return BaseImage(state=contexts.named_state(override), config=contexts.input_config(override))
    if override is not None:
        image, label = override.value, f"[context {image}]"
    mode = contexts.options.resolve_mode
    try:
        log_name = f"[internal] load metadata for {image}"
        reference = llb.Reference.parse(image)
        found = client.resolve_image(str(reference), platform, mode=mode, log_name=log_name)
        pinned = str(llb.Reference.parse(found.ref or image).with_digest(found.digest))
    except llb.LlbError as error:
        raise UserError(f"base image {image!r}: {error}", _at_base(spec)) from None
    except EngineError as error:
        raise UserError(f"base image {image}: {error}", _at_base(spec)) from None
    config = json.loads(found.config or b"{}")
    state = llb.image(
        pinned,
        platform=platform,
        resolve_mode=mode,
        name=f"{label} {image}",
        location=_at_base(spec)[0],
    )
    return BaseImage(state=state, config=config)


def resolve_sources(client: Client, contexts: Contexts, spec: Spec) -> dict[str, FileSource]:
    """Return the contexts that `files` copies from. Raises one `UserError` with every file that is missing."""
    wanted: dict[str, dict[str, str]] = {}
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile):
            wanted.setdefault(entry.context or "", {})[path] = entry.source
    problems: list[tuple[str, llb.SourceRange]] = []
    found: dict[str, FileSource] = {}
    for name, sources in sorted(wanted.items()):
        needed = tuple(sorted(set(sources.values())))
        if name:
            context = contexts.named(name)
            if context is None:
                text = _no_context(contexts, name)
                problems += [(text, places.at(spec, "files", path, "context")) for path in sources]
                continue
            state = contexts.named_state(context, needed)
        else:
            state = contexts.main(needed)
        kinds = _kinds(client, state, needed)
        problems += [
            (f"files: {path}: {_missing(source, name)}", places.at(spec, "files", path, "source"))
            for path, source in sources.items()
            if kinds[source] is None
        ]
        found[name] = FileSource(state=state, folders=frozenset(s for s in needed if kinds[s]))
    if problems:
        problems.sort(key=lambda problem: problem[1].start_line)
        raise UserError("\n".join(text for text, _ in problems), tuple(place for _, place in problems))
    return found


def _kinds(client: Client, state: llb.State, paths: tuple[str, ...]) -> dict[str, bool | None]:
    """Return for each path whether it is a folder, or None where nothing is."""
    ref = client.solve(llb.marshal(state)).ref
    kinds: dict[str, bool | None] = {}
    for path in paths:
        stat = client.stat_file(ref, path) if ref is not None and ref.id else None
        kinds[path] = None if stat is None else stat.is_dir
    return kinds


def own_image(contexts: Contexts) -> llb.State:
    """Return the image that this program runs from: it also holds the imager."""
    from proto import ops_pb2

    if _OWN_IMAGE.exists():
        return llb.from_definition(ops_pb2.Definition.FromString(_OWN_IMAGE.read_bytes()))
    return llb.image(contexts.options.source or "claylinux/frontend", name="[internal] imager")


def _missing(source: str, context: str) -> str:
    place = f"build context {context!r}" if context else "build context"
    return f"{source!r} is not in the {place}; is the name right, and does .dockerignore let it through?"


def _no_context(contexts: Contexts, name: str) -> str:
    near = get_close_matches(name, contexts.names(), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"no build context {name!r}: give it with --build-context {name}=FOLDER{hint}"


def _at_base(spec: Spec) -> tuple[llb.SourceRange]:
    return (places.at(spec, "base"),)
