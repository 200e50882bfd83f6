"""The first question of planning: the base of the system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import llb
from frontend.distro.registry import PRESETS
from frontend.errors import EngineError, UserError
from frontend.image_config import read_config
from frontend.plan import places
from frontend.plan.inputs import BaseImage
from spec.base import ContextBase, DockerfileBase, ImageBase, PresetBase
from spec.document import Spec
from spec.values.wording import code, suggest

if TYPE_CHECKING:
    from frontend.context import Contexts, NamedContext
    from frontend.gateway.client import Client
    from proto import ops_pb2

_OWN_IMAGE = Path("/run/config/buildkit/metadata/frontend.bin")
_IMAGER = "[internal] imager"
_IMAGE_SCHEME = "docker-image://"
_FRONTEND_MARK = "image.recordtype"
"""An attribute that only decides how the engine counts the image in its disk usage."""


def resolve_base(client: Client, contexts: Contexts, spec: Spec, platform: llb.Platform) -> BaseImage:
    """Return the tree and the image config of the base. Raises `UserError` at the key `base`."""
    at = places.location_of(spec, "base")
    match spec.base:
        case PresetBase(preset=name, release=release):
            preset = PRESETS[name]
            if platform.architecture not in preset.architectures:
                known = ", ".join(f"linux/{name}" for name in preset.architectures)
                raise UserError(f"preset `{name}` supports {known}, but not {platform}", (at,))
            return resolve_image(client, contexts, preset.image_of(release), platform, at=at, label="[base]")
        case ImageBase(image=image):
            return resolve_image(client, contexts, image, platform, at=at, label="[base]")
        case ContextBase(context=name):
            context = contexts.named(name)
            if context is None:
                raise UserError(no_context(contexts, name), (at,))
            if context.kind == "image":
                return resolve_image(client, contexts, context.value, platform, at=at, label=f"[context {name}]")
            return _context_base(contexts, context)
        case DockerfileBase():
            from .dockerfile import resolve_dockerfile

            return resolve_dockerfile(client, contexts, spec, spec.base, platform)


def resolve_image(
    client: Client,
    contexts: Contexts,
    image: str,
    platform: llb.Platform,
    *,
    at: llb.SourceRange,
    label: str,
) -> BaseImage:
    """Return an image, pinned to its digest, or the named context that replaces it. Raises `UserError` at `at`."""
    override = contexts.named(image)
    if override is not None and override.kind != "image":
        return _context_base(contexts, override)
    if override is not None:
        image, label = override.value, f"[context {image}]"
    mode = contexts.options.resolve_mode
    try:
        log_name = f"[internal] load metadata for {image}"
        reference = llb.Reference.parse(image)
        found = client.resolve_image(str(reference), platform, mode=mode, log_name=log_name)
        pinned = str(llb.Reference.parse(found.ref or image).with_digest(found.digest))
    except llb.LlbError as error:
        raise UserError(f"image {code(image)}: {error}", (at,)) from None
    except EngineError as error:
        raise UserError(f"image {code(image)}: {error}", (at,)) from None
    state = llb.image(pinned, platform=platform, resolve_mode=mode, name=f"{label} {image}", location=at)
    return BaseImage(state=state, config=read_config(found.config, f"image {image}", at))


def _context_base(contexts: Contexts, context: NamedContext) -> BaseImage:
    # BuildKit takes files from a client as those of root (session/filesync).
    return BaseImage(
        state=contexts.named_state(context),
        config=contexts.input_config(context),
        without_owners=context.kind == "local",
    )


def own_image(contexts: Contexts) -> llb.State:
    """Return the image that this program runs from. It also contains the imager."""
    from proto import ops_pb2

    if _OWN_IMAGE.exists():
        return _as_own_vertex(ops_pb2.Definition.FromString(_OWN_IMAGE.read_bytes()))
    return llb.image(contexts.options.source or "claylinux/frontend", name=_IMAGER)


def _as_own_vertex(definition: ops_pb2.Definition) -> llb.State:
    """Return the result of `definition`. If it is an image, it gets a vertex of its own.

    The engine runs the vertex of the frontend before this build is planned. Up to BuildKit 0.31, a vertex that has run
    passes its cache keys only to steps that already wait for it: later steps are not found in the caches of
    `--cache-from` (moby/buildkit 12d4b6375, solver/edge.go). Our vertex has the same image and digest, but lacks the
    mark of a frontend. So it is another vertex.
    """
    from proto import ops_pb2

    state = llb.from_definition(definition)
    first, *others = getattr(definition, "def") or [b""]
    source = ops_pb2.Op.FromString(first).source
    name = source.identifier.removeprefix(_IMAGE_SCHEME)
    if len(others) != 1 or name == source.identifier or set(source.attrs) - {_FRONTEND_MARK}:
        return state
    return llb.image(name, platform=state.platform, name=_IMAGER)


def no_context(contexts: Contexts, name: str) -> str:
    """Return the message about a build context that was not passed."""
    near = suggest(name, contexts.names())
    hint = f"did you mean {code(near)}?" if near else f"pass it with --build-context {name}=DIRECTORY"
    return f"unknown build context {code(name)}: {hint}"
