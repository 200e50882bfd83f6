"""Folders of the client: the build context and its likes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from . import checks
from .errors import LlbError
from .op import State
from .source import Attributes
from .vertex import VertexOptions


def local(
    folder: str,
    *,
    session_id: str | None = None,
    include_patterns: Sequence[str] = (),
    exclude_patterns: Sequence[str] = (),
    follow_paths: Sequence[str] = (),
    shared_key_hint: str = "",
    differ: str | None = None,
    unique: str | None = None,
    **options: Unpack[VertexOptions],
) -> State:
    """Return the folder that the client offers as `folder`.

    `follow_paths` are the paths wanted, with what their symbolic links point to; `exclude_patterns` have the
    grammar of .dockerignore and their order. An earlier transfer with the same `shared_key_hint` is the base
    of the next: give each distinct set of patterns a hint of its own. `differ` is none (send always) or
    metadata (compare size and time).
    """
    if not folder:
        raise LlbError("a local source needs a name")
    attributes = Attributes("source.local")
    attributes.add("local.session", session_id, "source.local.sessionid")
    attributes.add_list("local.includepattern", include_patterns, "source.local.includepatterns")
    attributes.add_list("local.excludepatterns", exclude_patterns, "source.local.excludepatterns")
    attributes.add_list("local.followpaths", follow_paths, "source.local.followpaths")
    attributes.add("local.sharedkeyhint", shared_key_hint, "source.local.sharedkeyhint")
    attributes.add("local.unique", unique, "source.local.unique")
    if differ is not None:
        # An optimisation: engines that do not know it may ignore it, so no capability is asked for.
        attributes.add("local.differ", checks.choice("differ", differ, ("none", "metadata")))
    return attributes.state(f"local://{folder}", **options)
