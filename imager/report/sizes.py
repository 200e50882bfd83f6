"""Where the space goes: a report for people (NAME.report.txt) and one for programs (NAME.report.json).

The JSON object has sorted keys; all sizes are in bytes. `compressed` is an estimate: the compression of each file's
first bytes, scaled so that the sum is the real size of the compressed system.

    schema        1; adding a key does not change it
    name          name of the system
    uki           {"size", "kernel", "microcode", "system", "rest"}: the EFI program and its parts
    signer        {"subject", "sha256"}: the certificate for Secure Boot, null if the UKI is not signed
    ram           memory to boot, null if not computed
    system        {"size", "files"}: unpacked; data with several names counts once
    packages      [{"name", "size", "files", "compressed"}], the largest first
    unpackaged    {"size", "files", "compressed"}: files that belong to no package
    excluded      [{"pattern", "size", "files"}]: what is not packed, in the order of the patterns; the first one counts
    modules, firmware    the same, for all kernels
    directories   [{"path", "size", "files", "compressed"}], the largest first, at most three levels deep, each
                  without the deeper ones in the list
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager.core import output, sparse, terminal
from imager.kernel import firmware, microcode, moddep
from imager.rootfs import owners, tree
from imager.rootfs.root import Root
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.reports import Sizes

_SAMPLE = 1 << 14
"""The bytes of a file that are compressed to estimate its compression."""
_DEPTH = 3


@dataclass
class Tally:
    """The size of a number of files. `estimate` is their compressed size before scaling."""

    size: int = 0
    files: int = 0
    estimate: float = 0

    def add(self, size: int, estimate: float) -> None:
        """Add one file."""
        self.size += size
        self.files += 1
        self.estimate += estimate

    def describe(self, scale: float) -> dict[str, int]:
        """Return the figures for the report."""
        return {"size": self.size, "files": self.files, "compressed": round(self.estimate * scale)}


def run(request: Sizes) -> None:
    """Write both reports, and print the one for people."""
    from imager.report import sizetable

    uki = layout.load(request.uki)
    found = measure(Root(Path(request.system)), uki, request.name, request.ram or None, request.exclude)
    text = sizetable.render(found, request.mode)
    output.save_json(request.output, found, request.epoch)
    with output.writing(request.text, request.epoch) as fd:
        output.write_all(fd, text.encode())
    for line in text.split("\n")[:-1]:
        terminal.tell(line)


def measure(
    root: Root, uki: layout.UkiLayout, name: str, ram: int | None, exclude: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the report as a value."""
    walk = tree.walk(os.fsencode(root.path), exclude=exclude)
    owner = owners.package_by_path(root)
    kinds = {"modules": moddep.DIRECTORIES, "firmware": firmware.DIRECTORIES}
    total, tallies = Tally(), {kind: Tally() for kind in (*kinds, "unpackaged")}
    packages: dict[str, Tally] = {}
    directories: dict[str, Tally] = {}
    for path, size, estimate in _files(walk):
        package = owner.get(path)
        directory = "/".join(path.split("/")[:-1][:_DEPTH])
        for tally in (
            total,
            directories.setdefault(f"/{directory}", Tally()),
            packages.setdefault(package, Tally()) if package else tallies["unpackaged"],
            *(tallies[kind] for kind, tops in kinds.items() if path.startswith(tuple(f"{top}/" for top in tops))),
        ):
            tally.add(size, estimate)
    parts = _uki(root, uki)
    scale = parts["system"] / total.estimate if total.estimate else 0.0
    return {
        "schema": 1,
        "name": name,
        "uki": parts,
        "signer": asdict(uki.signer) if uki.signer else None,
        "ram": ram,
        "system": {"size": total.size, "files": total.files},
        "packages": _largest("name", packages, scale),
        "directories": _largest("path", directories, scale),
        "excluded": list(_excluded(root, exclude, walk.left_out)),
        **{kind: tally.describe(scale) for kind, tally in tallies.items()},
    }


def _largest(key: str, tallies: Mapping[str, Tally], scale: float) -> list[dict[str, Any]]:
    ordered = sorted(tallies.items(), key=lambda item: (-item[1].size, item[0]))
    return [{key: name, **tally.describe(scale)} for name, tally in ordered]


def _excluded(
    root: Root, patterns: tuple[str, ...], left_out: Mapping[bytes, frozenset[int]]
) -> Iterator[dict[str, Any]]:
    """Yield what each pattern left out; what several match counts for the first of them."""
    tallies = [Tally() for _ in patterns]
    seen: set[tuple[int, int]] = set()
    for path, numbers in left_out.items():
        top = os.fsdecode(path)
        own = root.status(top, follow=False)
        below = root.walk(top) if own is not None and stat.S_ISDIR(own.st_mode) else [(top, own)]
        for _, status in below:
            if status is None or not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            tallies[min(numbers)].add(status.st_size, 0)
    for pattern, tally in zip(patterns, tallies, strict=True):
        yield {"pattern": pattern, "size": tally.size, "files": tally.files}


def _files(walk: tree.Walk) -> Iterator[tuple[str, int, float]]:
    """Yield path, size and estimated compressed size of each shipped file, each only once."""
    seen: set[tuple[int, int]] = set()
    for entry in walk:
        if not stat.S_ISREG(entry.mode) or entry.identity in seen:
            continue
        if entry.nlink > 1:
            seen.add(entry.identity)
        yield terminal.printable(os.fsdecode(entry.path)), entry.size, _estimate(entry.source, entry.size)


def _estimate(source: bytes, size: int) -> float:
    ranges = sparse.ranges_of(source, size)
    if not ranges:
        return 0.0
    with output.reading(source) as fd:
        sample = os.pread(fd, _SAMPLE, ranges[0][0])
    return sparse.total(ranges) * len(zlib.compress(sample, 1)) / len(sample) if sample else 0.0


def _uki(root: Root, uki: layout.UkiLayout) -> dict[str, int]:
    """Return the sizes of the parts of a UKI with this system."""
    sections = uki.sections
    images = (root.file(path) for path in microcode.images(root))
    early = sum(image.stat().st_size for image in images if image is not None)
    known = {
        "kernel": sections.get(".linux", 0),
        "microcode": early,
        "system": max(0, sections.get(".initrd", 0) - early),
    }
    return {"size": uki.size, **known, "rest": uki.size - sum(known.values())}
