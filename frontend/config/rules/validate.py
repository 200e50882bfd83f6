"""Rules across keys: what one key alone cannot know. Pure; each rule tells what it finds."""

from __future__ import annotations

import re

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.files import CopiedFile, FetchedFile, FileEntry, InlineFile, Symlink
from spec.formats import FORMATS
from spec.packages import Repository
from spec.values.run_mounts import SecretMount
from spec.values.wording import code, listing

from .network import validate_network
from .presets import validate_presets
from .system import repeated, validate_system


def validate(spec: Spec, problems: Collector) -> None:
    """Tell every contradiction in `spec`."""
    _outputs(spec, problems)
    validate_presets(spec, problems)
    _repositories(spec, problems)
    validate_system(spec, problems)
    validate_network(spec, problems)
    _files(spec, problems)
    _file_places(spec, problems)
    _mounts(spec, problems)
    _firmware(spec, problems)


def _outputs(spec: Spec, problems: Collector) -> None:
    named = ((output.filename, ("outputs", index)) for index, output in enumerate(spec.outputs))
    for name, place, first in repeated(spec, named):
        problems.add(
            place, f"two outputs are both named {name} (the first on {first.line_from(place)}): give one a `name`"
        )
    for index, output in enumerate(spec.outputs):
        short, _, extension = output.name.rpartition(".")
        if short and extension in (output.format, FORMATS[output.format].extension):
            place = spec.positions.of("outputs", index, "name")
            problems.add(place, f"the file would be {output.filename}: the ending is added, so write `name: {short}`")
        if output.compress and not FORMATS[output.format].compressible:
            place = spec.positions.of("outputs", index, "compress")
            able = listing((each.name for each in FORMATS.values() if each.compressible), "and")
            problems.add(place, f"only {able} disks can be compressed, not {output.format}")
        if output.subformat and output.format != "vmdk":
            place = spec.positions.of("outputs", index, "subformat")
            problems.add(place, f"only `vmdk` disks have a subformat, not {output.format}")
        if output.subformat == "monolithicSparse" and output.compress:
            place = spec.positions.of("outputs", index, "subformat")
            problems.add(place, "a monolithicSparse disk cannot be compressed: leave `compress` or `subformat` out")
        if output.label and output.format == "efi":
            place = spec.positions.of("outputs", index, "label")
            problems.add(place, "an efi output is the UKI alone: it has no file system that `label` could name")


def _repositories(spec: Spec, problems: Collector) -> None:
    named = ((_file_stem(each.name), ("repositories", index, "name"))
             for index, each in enumerate(spec.repositories) if each.name)  # fmt: skip
    for name, place, first in repeated(spec, named):
        problems.add(place, f"{code(str(name))} is the name of the repository on {first.line_from(place)} already")
    for index, each in enumerate(spec.repositories):
        if not (each.url or each.suites or each.components):
            place = spec.positions.of("repositories", index)
            problems.add(place, "this adds nothing: write the `url` of a repository, or which `components` of the "
                         "distribution's own to add")  # fmt: skip
        _flat(spec, index, each, problems)


def _flat(spec: Spec, index: int, each: Repository, problems: Collector) -> None:
    flat = [suite for suite in each.suites if suite.endswith("/")]
    place = spec.positions.of("repositories", index, "suites")
    if flat and len(flat) < len(each.suites):
        problems.add(place, f"{code(flat[0])} is a flat repository, the others are not: write two repositories")
    if flat and each.components:
        place = spec.positions.of("repositories", index, "components")
        problems.add(place, f"a flat repository (`suites: {flat[0]}`) has no components: remove them")
    if flat and not each.url:
        problems.add(place, "a flat repository needs its `url`")


def _file_stem(name: str) -> str:
    """Return what the files of a repository are called: apt does not read names with other characters."""
    return re.sub(r"[^A-Za-z0-9_.\-]", "-", name)


def _files(spec: Spec, problems: Collector) -> None:
    root = spec.files.get("/")
    if root is not None and _is_leaf(root):
        problems.add(
            spec.positions.key("files", "/"), "`/` can only be filled from a folder: write `/: {source: FOLDER}`"
        )
    above: str | None = None
    # In this order everything below a path comes right after it.
    for path in sorted(spec.files, key=lambda each: f"{each}/"):
        if above is not None and path.startswith(f"{above}/"):
            kind = "a symbolic link" if isinstance(spec.files[above], Symlink) else "a file"
            place = spec.positions.key("files", path)
            line = spec.positions.key("files", above).line_from(place)
            problems.add(place, f"{path} cannot be in {above}: that is {kind} ({line})")
        elif _is_leaf(spec.files[path]) and path != "/":
            above = path


def _is_leaf(entry: FileEntry) -> bool:
    """Whether nothing can be below `entry`; what a copy brings is not known yet."""
    return isinstance(entry, InlineFile | Symlink) or (isinstance(entry, FetchedFile) and not entry.unpack)


def _file_places(spec: Spec, problems: Collector) -> None:
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile):
            places = [name for name in ("context", "image", "git") if getattr(entry, name) is not None]
            if len(places) > 1:
                problems.add(
                    spec.positions.key("files", path, places[1]),
                    f"{listing(places, 'and')} cannot stand together in {code(path)}: `source` is in one of them",
                )
        elif isinstance(entry, FetchedFile) and entry.unpack and entry.mode is not None:
            problems.add(
                spec.positions.key("files", path, "mode"),
                "an archive has the permission bits of its files: remove `mode`, or `unpack`",
            )


def _mounts(spec: Spec, problems: Collector) -> None:
    for index, step in enumerate(spec.run):
        for name in ("target", "env"):
            named = (
                (value, ("run", index, "mounts", number))
                for number, mount in enumerate(step.mounts)
                if (value := getattr(mount, name, None))
            )
            for value, place, first in repeated(spec, named):
                what = "mounted at" if name == "target" else "in the variable"
                problems.add(place, f"something is already {what} {value} ({first.line_from(place)}): choose another")
        for number, mount in enumerate(step.mounts):
            if isinstance(mount, SecretMount) and mount.env in step.env:
                place = spec.positions.of("run", index, "mounts", number)
                problems.add(place, f"the variable {mount.env} is in `env` too: keep one")


def _firmware(spec: Spec, problems: Collector) -> None:
    firmware = spec.kernel.firmware
    alone = next((each for each in firmware if each in ("all", "none")), None)
    if alone is not None and len(firmware) > 1:
        keeps = "keeps every file" if alone == "all" else "keeps no file"
        place = spec.positions.of("kernel", "firmware", firmware.index(alone))
        problems.add(place, f"{code(alone)} {keeps} of the firmware: remove it, or everything else from `firmware`")
