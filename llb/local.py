"""Directories on the client, for example the build context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from . import checks
from .errors import LlbError
from .op import State
from .source import Attributes
from .vertex import VertexOptions


def local(
    directory: str,
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
    """Return the client's directory called `directory`.

    `follow_paths` selects paths, including the targets of their symbolic links. `exclude_patterns` use the grammar
    and order of .dockerignore. A transfer starts from the previous one with the same `shared_key_hint`: give each
    distinct set of patterns its own hint. `differ` is none (send always) or metadata (compare size and time).
    """
    if not directory:
        raise LlbError("a local source needs a name")
    attributes = Attributes("source.local")
    attributes.add("local.session", session_id, "source.local.sessionid")
    attributes.add_list("local.includepattern", include_patterns, "source.local.includepatterns")
    attributes.add_list("local.excludepatterns", exclude_patterns, "source.local.excludepatterns")
    attributes.add_list("local.followpaths", follow_paths, "source.local.followpaths")
    attributes.add("local.sharedkeyhint", shared_key_hint, "source.local.sharedkeyhint")
    attributes.add("local.unique", unique, "source.local.unique")
    if differ is not None:
        # An optimization: engines that do not know it may ignore it, so it needs no capability.
        attributes.add("local.differ", checks.choice("differ", differ, ("none", "metadata")))
    return attributes.state(f"local://{directory}", **options)
