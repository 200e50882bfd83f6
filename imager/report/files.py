"""The files of a system as the size reports count them: each with its package, what it is, and what it takes."""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import output, sparse, terminal
from imager.kernel import firmware, moddep
from imager.rootfs import owners

if TYPE_CHECKING:
    from imager.rootfs import tree
    from imager.rootfs.root import Root

_SAMPLE = 1 << 14
"""The bytes of a file that are compressed to estimate its compression."""
KERNEL, MODULES, FIRMWARE, LIBRARY, PROGRAM, SCRIPT, DOCUMENTATION, OTHER = range(8)
KINDS = (
    "kernel and what starts it",
    "kernel modules",
    "firmware",
    "libraries",
    "programs",
    "scripts",
    "documentation, translations",
    "other files",
)
"""What a file can be, for people. No file of the system is of the first kind: /boot is not packed."""
_BELOW = (
    (MODULES, moddep.DIRECTORIES),
    (FIRMWARE, firmware.DIRECTORIES),
    (DOCUMENTATION, ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")),
)
_PROGRAMS = {"bin", "sbin", "libexec"}
_NAMES = (
    (LIBRARY, re.compile(r"\.so(\.[0-9]+)*\Z")),
    (SCRIPT, re.compile(r"\.(py|pyc|pl|pm|rb|js|sh|lua|tcl)\Z")),
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that ships. `package` is empty if it belongs to none; `estimate` is its compressed size before scaling."""

    path: str
    package: str
    kind: int
    size: int
    estimate: float


@dataclass
class Tally:
    """The size of a number of files."""

    size: int = 0
    files: int = 0
    estimate: float = 0

    def add(self, size: int, estimate: float, files: int = 1) -> None:
        """Add one file, or several."""
        self.size += size
        self.files += files
        self.estimate += estimate

    def describe(self, scale: float) -> dict[str, int]:
        """Return the figures for a report."""
        return {"size": self.size, "files": self.files, "compressed": round(self.estimate * scale)}


def find(root: Root, walk: Iterable[tree.Entry]) -> Iterator[File]:
    """Yield each shipped file of a walk of `root`, in its order; one with several names once."""
    owner = owners.package_by_path(root)
    seen: set[tuple[int, int]] = set()
    for entry in walk:
        if not stat.S_ISREG(entry.mode) or entry.identity in seen:
            continue
        if entry.nlink > 1:
            seen.add(entry.identity)
        path = terminal.printable(os.fsdecode(entry.path))
        yield File(path, owner.get(path, ""), kind_of(path), entry.size, _estimate(entry.source, entry.size))


def kind_of(path: str) -> int:
    """Return what a file is, as an index of `KINDS`, by nothing but its path."""
    for kind, tops in _BELOW:
        if path.startswith(tuple(f"{top}/" for top in tops)):
            return kind
    for kind, ending in _NAMES:
        if ending.search(path):
            return kind
    return OTHER if _PROGRAMS.isdisjoint(path.split("/")[:-1]) else PROGRAM


def _estimate(source: bytes, size: int) -> float:
    ranges = sparse.ranges_of(source, size)
    if not ranges:
        return 0.0
    with output.reading(source) as fd:
        sample = os.pread(fd, _SAMPLE, ranges[0][0])
    return sparse.total(ranges) * len(zlib.compress(sample, 1)) / len(sample) if sample else 0.0
