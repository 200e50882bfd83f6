"""The size report as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imager import memory
from imager.report import changes

_ROWS = 15
_MEBIBYTE = 1 << 20


def render(found: Mapping[str, Any], mode: str, previous: Mapping[str, Any] | None = None) -> str:
    """Return the table for a report of `imager.report.sizes`, with what changed since a `previous` one.

    `mode` is the mode that keeps the system in memory.
    """
    compared = _compared(previous, found) if previous else ()
    return "\n".join((*_lines(found, mode), *compared)) + "\n"


def mebibytes(size: int) -> str:
    """Return a size in the form that `limits` takes, with one decimal."""
    return f"{size / _MEBIBYTE:.1f}M"


def _lines(found: Mapping[str, Any], mode: str) -> Iterator[str]:
    uki, system = found["uki"], found["system"]
    yield f"What takes the space in {found['name']} (1M = 1024 * 1024 bytes)"
    yield ""
    yield _row("UKI", uki["size"])
    note = f"compressed; {mebibytes(system['size'])} and {system['files']:,} files unpacked"
    for part in ("kernel", "microcode", *(() if found["disk"] else ("system",)), "rest"):
        yield _row(f"  {part}", uki[part], note if part == "system" else "")
    if found["disk"]:
        yield _row("system, beside it on the disk", found["disk"], note)
    if found["ram"] is not None:
        yield _row("RAM to boot", found["ram"], f"estimate, {mode}")
    signer = found["signer"]
    signed = f"signed by {signer['subject']}, SHA-256 {signer['sha256']}" if signer else "not signed"
    yield f"Secure Boot: {signed}"
    yield ""
    yield f"{'in the system':<52}{'unpacked':>10}{'compressed':>12}{'files':>9}"
    for kind in ("modules", "firmware", "unpackaged"):
        label = {"modules": "kernel modules", "unpackaged": "files of no package"}.get(kind, kind)
        yield _tally(label, found[kind])
    if found["excluded"]:
        size, files = (sum(row[unit] for row in found["excluded"]) for unit in ("size", "files"))
        yield f"{'left out by `rootfs.exclude`':<52}{mebibytes(size):>10}{'':>12}{files:>9,}"
    if found["kernel"]["removed"]:
        yield f"{'left out by `kernel`':<52}{mebibytes(found['kernel']['removed']):>10}"
    if beyond := found["kernel"]["beyond"]:
        yield f"{len(beyond)} modules that only a machine asks for: {', '.join(beyond[:_ROWS])}" + " ..." * (
            len(beyond) > _ROWS
        )
    for title, key in (("packages", "name"), ("directories", "path")):
        rows = found[title]
        if rows:
            yield ""
            yield f"the largest {title}" + (f" (of {len(rows)})" if len(rows) > _ROWS else "")
            yield from (_tally(f"  {row[key]}", row) for row in rows[:_ROWS])


def _compared(previous: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{'since the earlier report':<52}{'before':>10}{'now':>12}{'change':>11}"
    yield from (_change(each.name, each) for each in changes.of_whole(previous, found))
    for title, all_ in (
        ("packages", changes.of_packages(previous, found)),
        ("directories", changes.of_directories(previous, found)),
    ):
        if all_:
            yield f"the {title} that changed most" + (f" (of {len(all_)})" if len(all_) > _ROWS else "")
            yield from (_change(f"  {each.name}", each) for each in all_[:_ROWS])


def _change(label: str, change: changes.Change) -> str:
    sizes = ("unknown" if size is None else memory.format_size(size) for size in (change.before, change.now))
    before, now = sizes
    return f"{_short(label):<52}{before:>10}{now:>12}{difference(change.more):>11}"


def difference(more: int) -> str:
    """Return how much something grew, with a sign."""
    return f"{'+' if more > 0 else '-'}{memory.format_size(abs(more))}" if more else "unchanged"


def _short(label: str) -> str:
    return label if len(label) <= 50 else f"{label[:49]}…"


def _row(label: str, size: int, note: str = "") -> str:
    return f"{label:<52}{mebibytes(size):>10}" + (f"  {note}" if note else "")


def _tally(label: str, row: Mapping[str, Any]) -> str:
    return f"{_short(label):<52}{mebibytes(row['size']):>10}{mebibytes(row['compressed']):>12}{row['files']:>9,}"
