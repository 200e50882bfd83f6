"""Where the space goes: reports for people (NAME.report.txt, NAME.report.html) and for programs (NAME.report.json).

The JSON object has sorted keys; all sizes are in bytes. `compressed` is an estimate: the compression of each file's
first bytes, scaled so that the sum is the real size of the compressed system.

    schema        1; adding a key does not change it
    name          name of the system
    uki           {"size", "kernel", "microcode", "system", "rest"}: the EFI program and its parts
    disk          bytes of the partition beside the UKI that has the system, 0 if it is in the UKI
    signer        {"subject", "sha256"}: the certificate for Secure Boot, null if the UKI is not signed
    ram           memory to boot, null if not computed
    memory        [{"moment", "size", "held": {what: size}}]: what is in memory while it boots, the largest is `ram`
    system        {"size", "files"}: unpacked; data with several names counts once
    packages      [{"name", "size", "files", "compressed"}], the largest first
    unpackaged    {"size", "files", "compressed"}: files that belong to no package
    excluded      [{"pattern", "size", "files"}]: what is not packed, in the order of the patterns; the first one counts
    modules, firmware    the same, for all kernels
    kernel        {"removed", "beyond"}: bytes of modules and firmware that were removed, and modules that stay for a
                  machine although its purpose leaves them out
    directories   [{"path", "size", "files", "compressed"}], the largest first, at most three levels deep, each
                  without the deeper ones in the list
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager import memory
from imager.core import output, terminal
from imager.kernel import microcode
from imager.report import files, findings
from imager.report.files import Tally
from imager.rootfs import tree
from imager.rootfs.root import Root
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.reports import Sizes

_DEPTH = 3


def run(request: Sizes) -> None:
    """Write the reports, and print the table for people."""
    from imager.report import sizetable
    from imager.report.page import page

    root, uki = Root(Path(request.system)), layout.load(request.uki)
    walk = tree.walk(os.fsencode(root.path), exclude=request.exclude)
    shipped = tuple(files.find(root, walk))
    known = request.unpacked > 0
    copied = uki.layers.size if uki.layers and request.copied else 0
    at_boot = memory.moments(request.mode, uki.size, request.unpacked, stub_adds=request.stub_adds, copied=copied)
    moments = at_boot if known else ()
    found = measure(root, shipped, uki, request.name, moments)
    found["excluded"] = list(_excluded(root, request.exclude, walk.left_out))
    found["kernel"] = _kernel(findings.merged(request.kernel_tree))
    previous = json.loads(Path(request.previous).read_bytes()) if request.previous else None
    text = sizetable.render(found, request.mode, previous)
    output.save_json(request.output, found, request.epoch)
    for place, content in ((request.text, text), (request.page, page.render(found, shipped, request.mode, previous))):
        with output.writing(place, request.epoch) as fd:
            output.write_all(fd, content.encode())
    for line in text.split("\n")[:-1]:
        terminal.tell(line)


def measure(
    root: Root, shipped: Sequence[files.File], uki: layout.UkiLayout, name: str, moments: Sequence[memory.Moment]
) -> dict[str, Any]:
    """Return the report as a value, without `excluded`."""
    kinds = {"modules": files.MODULES, "firmware": files.FIRMWARE}
    total, tallies = Tally(), {kind: Tally() for kind in (*kinds, "unpackaged")}
    packages: dict[str, Tally] = {}
    directories: dict[str, Tally] = {}
    for file in shipped:
        directory = "/".join(file.path.split("/")[:-1][:_DEPTH])
        for tally in (
            total,
            directories.setdefault(f"/{directory}", Tally()),
            packages.setdefault(file.package, Tally()) if file.package else tallies["unpackaged"],
            *(tallies[name] for name, kind in kinds.items() if file.kind == kind),
        ):
            tally.add(file.size, file.estimate)
    parts = _uki(root, uki)
    disk = uki.layers.size if uki.layers else 0
    scale = (disk or parts["system"]) / total.estimate if total.estimate else 0.0
    return {
        "schema": 1,
        "name": name,
        "uki": parts,
        "disk": disk,
        "signer": asdict(uki.signer) if uki.signer else None,
        "ram": max((moment.size for moment in moments), default=None),
        "memory": [{"moment": each.name, "size": each.size, "held": dict(each.held)} for each in moments],
        "system": {"size": total.size, "files": total.files},
        "packages": _largest("name", packages, scale),
        "directories": _largest("path", directories, scale),
        **{kind: tally.describe(scale) for kind, tally in tallies.items()},
    }


def _kernel(found: Mapping[str, Any]) -> dict[str, Any]:
    beyond = {name for names in found.get("beyond", {}).values() for name in names}
    return {"removed": sum(found.get("removed", {}).values()), "beyond": sorted(beyond)}


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


def _uki(root: Root, uki: layout.UkiLayout) -> dict[str, int]:
    """Return the sizes of the parts of a UKI with this system."""
    sections = uki.sections
    images = (root.file(path) for path in microcode.images(root))
    early = sum(image.stat().st_size for image in images if image is not None)
    known = {
        "kernel": sections.get(".linux", 0),
        "microcode": early,
        "system": 0 if uki.layers else max(0, sections.get(".initrd", 0) - early),
    }
    return {"size": uki.size, **known, "rest": uki.size - sum(known.values())}
