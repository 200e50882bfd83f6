"""Pieces of HTML. A text becomes markup only by being escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from imager.core.terminal import printable
from imager.memory import format_size
from imager.report.sizetable import difference

if TYPE_CHECKING:
    from imager.report.changes import Change


_COLORS = 8
"""The colors of bars in page.css."""


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML that stands as it is."""

    text: str


def element(tag: str, *content: Markup | str, **attributes: str) -> Markup:
    """Return an element. An attribute that is no keyword of Python is one with `_`: `class_`, `aria_label`."""
    given = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
    inner = "".join(each.text if isinstance(each, Markup) else escape(each) for each in content)
    return Markup(f"<{tag}{given}>{inner}</{tag}>")


def bar(parts: Iterable[tuple[str, int]], whole: int, colors: dict[str, int] | None = None) -> Markup:
    """Return one bar of `parts`, as long as their share of `whole`, and what each color means below it.

    `colors` has those of other bars, and gets those of this one: the same part has the same color in all of them.
    """
    known = {} if colors is None else colors
    shown = [(label, size) for label, size in parts if size]
    rectangles: list[Markup] = []
    legend: list[Markup] = []
    at = 0.0
    for label, size in shown:
        width, color = 1000 * size / max(whole, 1), f"b{known.setdefault(label, len(known)) % _COLORS}"
        rectangles.append(element("rect", class_=color, x=f"{at:.2f}", y="0", width=f"{width:.2f}", height="20"))
        legend.append(element("li", element("i", class_=color), f"{label} {format_size(size)}"))
        at += width
    told = ", ".join(f"{label} {format_size(size)}" for label, size in shown)
    drawing = element(
        "svg", *rectangles, viewBox="0 0 1000 20", preserveAspectRatio="none", role="img", aria_label=told
    )
    return element("div", drawing, element("ul", *legend), class_="bar")


def change(found: Change) -> Markup:
    """Return how much something grew, so that it can be read without colors."""
    if not found.more:
        return element("span", "unchanged" if found.before is not None else "", class_="same")
    arrow, kind = ("▲", "more") if found.more > 0 else ("▼", "less")
    return element("span", f"{arrow} {difference(found.more)}", class_=kind)


def change_table(title: str, rows: Sequence[Change], most: int) -> Markup:
    """Return a table of at most so many changes; nothing where there are none."""
    if not rows:
        return Markup("")
    told: list[Sequence[str | Markup]] = []
    for row in rows[:most]:
        sizes = ["unknown" if size is None else format_size(size) if size else "none" for size in (row.before, row.now)]
        told.append((printable(row.name), *sizes, change(row)))
    caption = f"{title} (the first {most} of {len(rows)})" if len(rows) > most else title
    return table(caption, ("name", "before", "now", "change"), told)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str | Markup]]) -> Markup:
    """Return a table that a narrow screen can scroll."""
    titles = element("tr", *(element("th", title, scope="col") for title in head))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", each) for each in row[1:])) for row in rows
    ]
    content = (element("caption", caption), element("thead", titles), element("tbody", *body))
    return element("div", element("table", *content), class_="wide")
