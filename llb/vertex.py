"""Options of every vertex, whatever it does: its name, its place, and whether it must run again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypedDict

from . import checks
from .sourcemap import SourceRange

_CONTROL = re.compile(r"[\x01-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that would move a terminal's cursor, start a new line, or turn the order of a line around."""


@dataclass(frozen=True, slots=True)
class ProgressGroup:
    """Vertices with the same `id` appear as one line, `name`. `id` should differ between builds."""

    id: str
    name: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One of several things that a vertex does, one after the other."""

    name: str
    location: SourceRange | None = None


class VertexOptions(TypedDict, total=False):
    """Keyword arguments of everything that makes a vertex. None is part of the cache key.

    `name` is the line in the progress output; control characters appear escaped. `location` is the place or places in
    the user's file that appear when the vertex fails. `parts` serve those who know which one failed; engines never see
    them. `ignore_cache` runs the vertex even if its result is cached.
    """

    name: str
    location: SourceRange | tuple[SourceRange, ...] | None
    parts: tuple[Part, ...]
    ignore_cache: bool
    progress_group: ProgressGroup | None


@dataclass(frozen=True, slots=True)
class Vertex:
    """The checked form of `VertexOptions`."""

    name: str = ""
    locations: tuple[SourceRange, ...] = ()
    parts: tuple[Part, ...] = ()
    ignore_cache: bool = False
    progress_group: ProgressGroup | None = None

    @classmethod
    def of(cls, options: VertexOptions) -> Vertex:
        """Return the checked form of `options`. Raises `LlbError` if the name is not valid text."""
        name = checks.text("the name of a vertex", options.get("name", ""))
        location = options.get("location") or ()
        return cls(
            name=_escaped(name),
            locations=(location,) if isinstance(location, SourceRange) else location,
            parts=tuple(replace(each, name=_escaped(each.name)) for each in options.get("parts", ())),
            ignore_cache=options.get("ignore_cache", False),
            progress_group=options.get("progress_group"),
        )


def _escaped(name: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], name)
