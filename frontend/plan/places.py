"""Places in the build file as source ranges of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from frontend.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frontend.config.syntax.diagnostics import Diagnostic
    from spec.document import Spec
    from spec.positions import Range


def to_llb(place: Range) -> llb.SourceRange:
    """Return the same range for the graph, which counts characters from 0."""
    return llb.SourceRange(
        start_line=place.start.line,
        start_char=place.start.column - 1,
        end_line=place.end.line,
        end_char=place.end.column - 1,
    )


def location(spec: Spec, place: Range) -> llb.SourceRange:
    """Return a place in the build file; for one in an included file, the place of the `include`."""
    return to_llb(spec.positions.of("include") if place.file else place)


def location_of(spec: Spec, *path: str | int) -> llb.SourceRange:
    """Return the place of the value at `path`, or of its nearest ancestor that is written."""
    return location(spec, spec.positions.of(*path))


def user_error(spec: Spec, problems: Sequence[Diagnostic], *, note: str = "") -> UserError:
    """Return one error with all `problems`, in this order, and a last line that is about all of them."""
    ranges = dict.fromkeys(location(spec, each.range) for each in problems)
    lines = [*(each.text for each in problems), *([note] if note else [])]
    return UserError("\n".join(lines), tuple(ranges))
