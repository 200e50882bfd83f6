"""What can be said about every vertex beside what it does: its name, its place, whether its result may be old."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypedDict

from . import checks
from .sourcemap import SourceRange

_CONTROL = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]")
"""What would move the cursor of a terminal, or be more than one line."""


@dataclass(frozen=True, slots=True)
class ProgressGroup:
    """Vertices with the same `id` are shown as one line, `name`. `id` should differ from build to build."""

    id: str
    name: str
    weak: bool = False


class VertexOptions(TypedDict, total=False):
    """Keyword arguments of everything that makes a vertex. None of them is part of the cache key.

    `name` is the line in the progress: control characters become their escapes. `location` is the place, or places,
    in the user's file that are shown when the vertex fails. `ignore_cache` runs the vertex even if its result is known.
    """

    name: str
    location: SourceRange | tuple[SourceRange, ...] | None
    ignore_cache: bool
    progress_group: ProgressGroup | None


@dataclass(frozen=True, slots=True)
class Vertex:
    """The checked form of `VertexOptions`."""

    name: str = ""
    locations: tuple[SourceRange, ...] = ()
    ignore_cache: bool = False
    progress_group: ProgressGroup | None = None

    @classmethod
    def of(cls, options: VertexOptions) -> Vertex:
        """Return the checked form of `options`. Raises `LlbError` for a name that is no text."""
        name = checks.text("the name of a vertex", options.get("name", ""))
        location = options.get("location") or ()
        return cls(
            name=_CONTROL.sub(lambda found: repr(found[0])[1:-1], name),
            locations=(location,) if isinstance(location, SourceRange) else location,
            ignore_cache=options.get("ignore_cache", False),
            progress_group=options.get("progress_group"),
        )
