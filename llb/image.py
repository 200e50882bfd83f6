"""Images from a registry or the engine's own store (`image`) and from a local OCI layout (`oci_layout`)."""

from __future__ import annotations

from typing import Unpack

from . import checks
from .errors import LlbError
from .op import State
from .platform import Platform
from .reference import Reference
from .source import Attributes
from .vertex import VertexOptions

RESOLVE_MODES = ("default", "pull", "local")


def image(
    ref: str, *, platform: Platform | None = None, resolve_mode: str = "default", **options: Unpack[VertexOptions]
) -> State:
    """Return the tree of an image.

    `ref` is a name as users write it (`debian:trixie`); pin it with `@digest` as soon as the digest is known.
    `resolve_mode` is default, pull (always ask the registry) or local (prefer the engine's own image).
    """
    attributes = Attributes("source.image")
    if checks.choice("resolve_mode", resolve_mode, RESOLVE_MODES) != "default":
        # BuildKit's client demands the capability only for `pull`, where an engine that ignores the mode does harm.
        cap = "source.image.resolvemode" if resolve_mode == "pull" else ""
        attributes.add("image.resolvemode", resolve_mode, cap)
    return attributes.state(f"docker-image://{Reference.parse(ref)}", platform, **options)


def oci_layout(
    ref: str,
    *,
    store_id: str,
    session_id: str = "",
    platform: Platform | None = None,
    **options: Unpack[VertexOptions],
) -> State:
    """Return the tree of an image in an OCI layout on the client; `ref` needs a digest, its name is arbitrary."""
    reference = Reference.parse(ref)
    if not reference.digest:
        raise LlbError(f"an image in an OCI layout needs a digest, for example name@sha256:...; got {ref!r}")
    if not store_id:
        raise LlbError(f"the OCI layout image {ref!r} needs a store id")
    attributes = Attributes("source.ocilayout")
    attributes.add("oci.store", store_id)
    attributes.add("oci.session", session_id)
    return attributes.state(f"oci-layout://{reference}", platform, **options)
