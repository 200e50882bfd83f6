"""Descriptions of the segments of a system, one for each stage: the JSON file beside a segment.

It is a list of objects, from the lowest segment to the one beside the file:

    attributes  paths with attributes that only init can restore
    condensed   {path: [size, [[position, length]]]}: files of this segment without their holes (see `holes`), or null:
                a file of this path has them, whatever a segment below says
    dead        {"files", "size"}: content of the segments below that is no longer visible
    excluded    patterns of the build file that left out something of this stage
    files       number of paths in the segment; size: their content in bytes
    growth      {"files", "size"}: the increase over the stage below; the sum describes the whole system
    private_keys   paths of files in the segment that are private keys, made by the build
    problem     why unpacking these segments on top of each other does not give the tree; empty if it does
    redated_directories   directories that existed before and have another time now
    removed     {path: kind} of the paths in the segments below that this stage does not have (see `kind`)

Paths are those of `tree`; bytes that are not UTF-8 are surrogates.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager import memory
from imager.core import clock, output, sparse
from imager.core.sparse import Condensed
from imager.rootfs import seal
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imager.initramfs.change import Change
    from imager.initramfs.changes import Changes
    from imager.requests.packing import Stage
    from imager.rootfs.tree import Entry

DIRECTORY, LINK, FILE, OTHER = "directory", "link", "file", "other"


@dataclass(frozen=True, kw_only=True)
class Total:
    """A number of files and the size of their content in bytes."""

    files: int = 0
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The description of one segment; see above for the fields."""

    files: int = 0
    size: int = 0
    growth: Total = field(default_factory=Total)
    dead: Total = field(default_factory=Total)
    attributes: tuple[str, ...] = ()
    condensed: Mapping[str, Condensed | None] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    private_keys: tuple[str, ...] = ()
    removed: Mapping[str, str] = field(default_factory=dict)
    redated_directories: tuple[str, ...] = ()
    problem: str = ""


def total(entries: Iterable[Entry]) -> Total:
    """Count entries; data with several names counts once, holes do not count."""
    files = size = 0
    seen: set[tuple[int, int]] = set()
    for entry in entries:
        files += 1
        if entry.is_file and entry.identity not in seen:
            size += sparse.data_of(entry.source, entry.size) if entry.source else entry.size
            if entry.nlink > 1:
                seen.add(entry.identity)
    return Total(files=files, size=size)


def describe_whole(
    entries: Iterable[Entry], attributes: Iterable[bytes], condensed: Mapping[str, Condensed]
) -> Segment:
    """Describe the lowest segment; read the other arguments only after all `entries`, because these fill them."""
    packed = total(entries)
    return Segment(
        files=packed.files, size=packed.size, growth=packed, attributes=_texts(attributes), condensed=dict(condensed)
    )


def describe(
    changes: Changes,
    below: tuple[Segment, ...],
    epoch: int,
    attributes: Iterable[bytes],
    condensed: Mapping[str, Condensed],
) -> Segment:
    """Describe the segment with `changes` on top of the segments `below`."""
    packed = total(change.entry for change in changes.changed)
    dead = total(changes.dead)
    new = sum(change.below is None for change in changes.changed)
    problems = (f"/{_text(change.entry.path)}" for change in changes.changed if occupant(change, below) == DIRECTORY)
    problem = next((path for path in problems), "")
    return Segment(
        files=packed.files,
        size=packed.size,
        growth=Total(files=new - len(changes.removed), size=packed.size - dead.size),
        dead=dead,
        attributes=_texts(attributes),
        condensed={**dict.fromkeys(_replaced(changes)), **condensed},
        excluded=changes.matched,
        removed={_text(entry.path): kind(entry) for entry in changes.removed},
        redated_directories=tuple(_text(change.entry.path) for change in changes.changed if _is_redated(change, epoch)),
        problem=f"{problem} was a directory before" if problem else "",
    )


def condensed(segments: Iterable[Segment]) -> dict[str, Condensed]:
    """Return the files without their holes in the finished system: what the topmost segment with a path says counts."""
    found: dict[str, Condensed] = {}
    for each in segments:
        for path in (*each.removed, *each.condensed):
            found.pop(path, None)
        found |= {path: file for path, file in each.condensed.items() if file is not None}
    return found


def _replaced(changes: Changes) -> Iterator[str]:
    """Yield the changed paths at which there may have been a file without its holes."""
    for change in changes.changed:
        if change.below is not None and change.below.is_file and change.below.size >= sparse.BLOCK:
            yield _text(change.entry.path)


def summarize(segment: Segment) -> str:
    """Return one line about the content of a segment."""
    text = f"{segment.files} files, {memory.format_size(segment.size)}"
    if segment.dead.files:
        dead = f"{segment.dead.files} files, {memory.format_size(segment.dead.size)}"
        text += (
            f"; {dead}, of the stages below are replaced or removed, but still in the image "
            "(rootfs.flatten leaves them out)"
        )
    return text


def remarks(request: Stage, segment: Segment) -> Iterator[str]:
    """Yield lines about what a segment has not, and what it should not have."""
    root = Root(Path(request.system))
    below = seal.find(Root(Path(request.below))) if request.below else seal.Seal()
    if sealed := seal.describe(seal.find(root, request.keep), below):
        yield sealed
    if request.facts:
        return  # the planner says the rest
    for pattern in request.exclude:
        if pattern not in segment.excluded:
            yield f"warning: nothing in the system matches {pattern}"
    for path in segment.private_keys:
        yield f"warning: /{path} is a private key: whoever has the image has it, and every machine has the same"


def kind(entry: Entry) -> str:
    """Return the kind of path that the kernel meets when it unpacks another entry with the same path.

    `file` is a file without other names, which the kernel can overwrite; the kernel must first remove an `other`.
    """
    if entry.is_directory:
        return DIRECTORY
    if stat.S_ISLNK(entry.mode):
        return LINK
    return FILE if entry.is_file and entry.nlink == 1 else OTHER


def occupant(change: Change, below: tuple[Segment, ...]) -> str:
    """Return the kind of path in the place of a changed non-directory at unpacking, or "" if there is none.

    Removed paths still exist at that time, because init removes them later.
    """
    if change.entry.is_directory:
        return ""
    if change.below is not None:
        return kind(change.below)
    path = _text(change.entry.path)
    return next((each.removed[path] for each in reversed(below) if path in each.removed), "")


def read(path: str) -> tuple[Segment, ...]:
    """Return the list in a file."""
    with output.reading(path) as fd:
        rows = json.loads(output.read_at(fd, 0, os.fstat(fd).st_size))
    return tuple(_decode(row) for row in rows)


def _decode(row: dict[str, Any]) -> Segment:
    totals = {key: Total(**row[key]) for key in ("dead", "growth")}
    row["condensed"] = {path: _condensed(file) for path, file in row["condensed"].items()}
    return Segment(**{**row, **totals, **{key: tuple(row[key]) for key in _LISTS}})


_LISTS = ("attributes", "excluded", "private_keys", "redated_directories")


def _condensed(file: tuple[int, list[list[int]]] | None) -> Condensed | None:
    return Condensed(file[0], tuple((start, length) for start, length in file[1])) if file is not None else None


def _is_redated(change: Change, epoch: int) -> bool:
    new, old = change
    return (
        old is not None
        and old.is_directory
        and new.is_directory
        and clock.clamp(new.mtime, epoch) != clock.clamp(old.mtime, epoch)
    )


def _texts(paths: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(_text(path) for path in paths)


def _text(path: bytes) -> str:
    return os.fsdecode(path)
