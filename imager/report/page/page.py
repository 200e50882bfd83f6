"""The page: what can be said without a script stands in it; the script draws the treemap of the data in it.

Names come from whoever made the system, and those of an earlier report from anybody. Texts are escaped, the data cannot
end its element, and the script only ever writes text. Should one of these fail, the policy of the page (CSP) runs and
shows nothing but the script and style that it was made with, and loads nothing at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from imager.core.terminal import printable
from imager.memory import format_size
from imager.report import changes, treemap
from imager.report.files import KERNEL, KINDS, File
from imager.report.page import markup
from imager.report.page.markup import Markup, element

_HERE = Path(__file__).parent
_CHANGES = 12
"""The most rows of a table of changes."""
_PARTS = {"kernel": "kernel", "microcode": "microcode", "system": "system, compressed", "rest": "stub and padding"}


def render(found: Mapping[str, Any], shipped: Sequence[File], mode: str, previous: Mapping[str, Any] | None) -> str:
    """Return the page about a report of `imager.report.sizes`, compared with a `previous` one if there is any."""
    style, script = ((_HERE / name).read_text() for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    name = printable(found["name"])
    body = "".join(
        part.text
        for part in (
            element("h1", f"What takes the space in {name}"),
            _figures(found, previous),
            *(_compared(previous, found) if previous else ()),
            Markup((_HERE / "map.html").read_text()),
            *_memory(found, mode),
            *_excluded(found["excluded"]),
            Markup((_HERE / "notes.html").read_text()),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"{element('title', f'{name}: what takes the space').text}\n<style>{style}</style>\n</head>\n<body>\n"
        f'{body}\n<script type="application/json" id="data">{_data(found, shipped, previous)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(found: Mapping[str, Any], shipped: Sequence[File], previous: Mapping[str, Any] | None) -> str:
    """Return what the script draws, as JSON that cannot end the element in which it stands."""
    uki = found["uki"]
    cells = treemap.cells(shipped, found["disk"] or uki["system"])
    directories = sorted({cell.directory for cell in cells})
    packages = sorted({cell.package for cell in cells})
    places, names = ({name: number for number, name in enumerate(each)} for each in (directories, packages))
    drawn = {
        "kinds": KINDS,
        "directories": directories,
        "packages": packages,
        "cells": [
            (places[cell.directory], cell.name, names[cell.package], cell.kind, cell.size, cell.compressed, cell.files)
            for cell in cells
        ],
        "parts": [(title, KERNEL, uki[part]) for part, title in _PARTS.items() if part != "system" and uki[part]],
        "before": [(row["name"], row["size"]) for row in previous["packages"]] if previous else None,
    }
    text = json.dumps(drawn, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _figures(found: Mapping[str, Any], previous: Mapping[str, Any] | None) -> Markup:
    """Return the figures that matter most, and how much each grew."""
    system, signer = found["system"], found["signer"]
    grown = {each.name: each for each in changes.of_whole(previous, found)} if previous else {}
    rows = [("UKI", format_size(found["uki"]["size"]), "the file that boots")]
    if found["disk"]:
        rows.append(("on the disk", format_size(found["disk"]), "the system, compressed"))
    if found["ram"] is not None:
        rows.append(("RAM to boot", format_size(found["ram"]), "estimate"))
    rows.append(("system, unpacked", format_size(system["size"]), f"{system['files']:,} files"))
    rows.append(
        ("Secure Boot", "signed" if signer else "not signed", f"by {printable(signer['subject'])}" if signer else "")
    )
    terms = []
    for label, value, note in rows:
        change = grown.get(label)
        added = markup.change(change) if change is not None else Markup("")
        terms.append(
            element("div", element("dt", label), element("dd", element("b", value), added, element("small", note)))
        )
    uki = [(title, found["uki"][part]) for part, title in _PARTS.items()]
    return element("section", element("dl", *terms), markup.bar(uki, found["uki"]["size"]), class_="figures")


def _compared(previous: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Markup]:
    tables = [
        markup.change_table("in all", [each for each in changes.of_whole(previous, found) if each.more], _CHANGES),
        markup.change_table("packages, unpacked", changes.of_packages(previous, found), _CHANGES),
        markup.change_table("directories, unpacked", changes.of_directories(previous, found), _CHANGES),
    ]
    name = printable(previous["name"])
    told = f"Compared with the earlier report about {name}." if any(each.text for each in tables) else "Nothing."
    heading = element("h2", "What changed", id="changed")
    yield element("section", heading, element("p", told), element("div", *tables, class_="tables"))


def _memory(found: Mapping[str, Any], mode: str) -> Iterator[Markup]:
    """Yield the boot, moment by moment."""
    moments = found["memory"]
    if not moments:
        return
    most = max(moment["size"] for moment in moments)
    rows: list[Markup] = []
    colors: dict[str, int] = {}
    for moment in moments:
        decides = ", the moment that needs most" if moment["size"] == most else ""
        title = element("h3", f"{moment['moment']}: {format_size(moment['size'])}{decides}")
        rows += (title, markup.bar(moment["held"].items(), most, colors))
    text = f"An estimate, for rootfs mode {mode}. What a machine must have is what the worst moment needs."
    yield element("section", element("h2", "Memory while it boots"), element("p", text), *rows, class_="memory")


def _excluded(rows: Iterable[Mapping[str, Any]]) -> Iterator[Markup]:
    told = [(printable(row["pattern"]), format_size(row["size"]), f"{row['files']:,}") for row in rows]
    if told:
        table = markup.table("left out by rootfs.exclude", ("pattern", "unpacked", "files"), told)
        yield element("section", element("h2", "Left out"), table)
