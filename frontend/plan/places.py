"""Positions of the spec as source ranges of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb

if TYPE_CHECKING:
    from spec.document import Spec
    from spec.positions import Range


def to_llb(place: Range) -> llb.SourceRange:
    """Return the same range in the graph's terms: characters count from 0 there."""
    return llb.SourceRange(
        start_line=place.start.line,
        start_char=place.start.column - 1,
        end_line=place.end.line,
        end_char=place.end.column - 1,
    )


def location_of(spec: Spec, *path: str | int) -> llb.SourceRange:
    """Return where the value at `path` (or its nearest ancestor) stands in the build file.

    Of what an included file says, that is where the file is included.
    """
    place = spec.positions.of(*path)
    return to_llb(spec.positions.of("include") if place.file else place)
