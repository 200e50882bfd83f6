"""Rules across keys, which no key can check alone. Pure; each rule reports what it finds.

A value with a problem is missing in the spec. So before a rule reports something as missing, it looks for problems.
"""

from __future__ import annotations

import re

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.files import CopiedFile, FetchedFile, FileEntry, InlineFile, Symlink
from spec.formats import ENROLLMENTS, OUTPUTS, formats_with
from spec.kernel import Purpose
from spec.packages import Repository
from spec.values.run_mounts import SecretMount
from spec.values.wording import code, listing

from .network import validate_network
from .presets import validate_presets
from .rootfs import validate_rootfs
from .state import validate_state
from .system import duplicates, validate_system
from .update import validate_update


def validate(spec: Spec, problems: Collector) -> None:
    """Report every contradiction in `spec`."""
    _outputs(spec, problems)
    validate_presets(spec, problems)
    _repositories(spec, problems)
    validate_system(spec, problems)
    validate_network(spec, problems)
    validate_state(spec, problems)
    validate_rootfs(spec, problems)
    validate_update(spec, problems)
    _files(spec, problems)
    _file_sources(spec, problems)
    _run_mounts(spec, problems)
    _firmware(spec, problems)
    _purposes(spec, problems)
    _secure_boot(spec, problems)


def _outputs(spec: Spec, problems: Collector) -> None:
    named = (
        (output.filename, ("outputs", index))
        for index, output in enumerate(spec.outputs)
        if not problems.any_in(spec.positions.of("outputs", index))
    )
    for name, place, first in duplicates(spec, named):
        line = first.line_from(place)
        problems.add(place, f"duplicate output {code(str(name))} (first on {line}): give one of them a `name`")
    for index, output in enumerate(spec.outputs):
        short, _, extension = output.name.rpartition(".")
        if short and extension in (output.format, OUTPUTS[output.format].extension):
            place = spec.positions.of("outputs", index, "name")
            text = f"the extension is added to `name`, which gives {output.filename}: write `name: {short}`"
            problems.add(place, text)
        for key in dict.fromkeys(key for each in OUTPUTS.values() for key in each.keys):
            if getattr(output, key) and output.format not in formats_with(key):
                place = spec.positions.of("outputs", index, key)
                able = listing(formats_with(key), "and")
                problems.add(place, f"{code(key)} is only for {able} outputs; got format `{output.format}`")
        if output.subformat == "monolithicSparse" and output.compress:
            place = spec.positions.of("outputs", index, "subformat")
            problems.add(place, "a monolithicSparse disk cannot be compressed: remove `compress` or `subformat`")


def _repositories(spec: Spec, problems: Collector) -> None:
    named = ((_file_stem(each.name), ("repositories", index, "name"))
             for index, each in enumerate(spec.repositories) if each.name)  # fmt: skip
    for name, place, first in duplicates(spec, named):
        line = first.line_from(place)
        problems.add(place, f"duplicate repository {code(str(name))} (first on {line}): choose another name")
    for index, each in enumerate(spec.repositories):
        place = spec.positions.of("repositories", index)
        if not (each.url or each.suites or each.components) and not problems.any_in(place):
            problems.add(place, "this adds nothing: add the `url` of a repository, or `components` of the "
                             "distribution's own repositories")  # fmt: skip
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
    """Return the name of the files of a repository. apt ignores names with other characters."""
    return re.sub(r"[^A-Za-z0-9_.\-]", "-", name)


def _files(spec: Spec, problems: Collector) -> None:
    root = spec.files.get("/")
    if root is not None and _is_leaf(root):
        problems.add(
            spec.positions.key("files", "/"),
            "`/` can only be a copied directory (for example `/: {source: rootfs}`)",
        )
    above: str | None = None
    # In this order, everything below a path follows it.
    for path in sorted(spec.files, key=lambda each: f"{each}/"):
        if above is not None and path.startswith(f"{above}/"):
            kind = "a symbolic link" if isinstance(spec.files[above], Symlink) else "a file"
            place = spec.positions.key("files", path)
            line = spec.positions.key("files", above).line_from(place)
            problems.add(place, f"{path} cannot be below {above}, which is {kind} ({line})")
        elif _is_leaf(spec.files[path]) and path != "/":
            above = path


def _is_leaf(entry: FileEntry) -> bool:
    """Return whether nothing can be below `entry`. The content of a copy is not known yet."""
    return isinstance(entry, InlineFile | Symlink) or (isinstance(entry, FetchedFile) and not entry.unpack)


def _file_sources(spec: Spec, problems: Collector) -> None:
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile):
            places = [name for name in ("context", "image", "git") if getattr(entry, name) is not None]
            if len(places) > 1:
                problems.add(
                    spec.positions.key("files", path, places[1]),
                    f"{listing(places, 'and')} in {code(path)} exclude each other: keep the one that contains `source`",
                )
        elif isinstance(entry, FetchedFile) and entry.unpack and entry.mode is not None:
            problems.add(
                spec.positions.key("files", path, "mode"),
                "`mode` cannot be combined with `unpack`: the archive has the modes of its files",
            )


def _run_mounts(spec: Spec, problems: Collector) -> None:
    for index, step in enumerate(spec.run):
        for name in ("target", "env"):
            named = (
                (value, ("run", index, "mounts", number))
                for number, mount in enumerate(step.mounts)
                if (value := getattr(mount, name, None))
            )
            for value, place, first in duplicates(spec, named):
                problems.add(
                    place, f"duplicate `{name}` {code(str(value))} (first on {first.line_from(place)}): choose another"
                )
        for number, mount in enumerate(step.mounts):
            if isinstance(mount, SecretMount) and mount.env in step.env:
                place = spec.positions.of("run", index, "mounts", number)
                problems.add(place, f"`env` of the step already sets the variable {mount.env}: rename one of them")


def _firmware(spec: Spec, problems: Collector) -> None:
    firmware = spec.kernel.firmware
    alone = next((each for each in firmware if each in ("all", "none")), None)
    if alone is not None and len(firmware) > 1:
        place = spec.positions.of("kernel", "firmware", firmware.index(alone))
        problems.add(place, f"{code(alone)} must be the only item of `firmware`: remove it, or all other items")


def _purposes(spec: Spec, problems: Collector) -> None:
    kept = spec.kernel.for_
    if (everything := Purpose(purpose="all")) in kept and len(kept) > 1:
        place = spec.positions.of("kernel", "for", kept.index(everything))
        problems.add(place, f"{code('all')} must be the only item of `for`: remove it, or all other items")


def _secure_boot(spec: Spec, problems: Collector) -> None:
    signing = spec.secure_boot
    for index, output in enumerate(spec.outputs):
        place = spec.positions.of("outputs", index)
        known = problems.any_in(place) or problems.any_in(spec.positions.of("secure_boot"))
        if output.format in ENROLLMENTS and not (signing and signing.enroll) and not known:
            problems.add(place, f"the output `{output.format}` needs keys: write `secure_boot: {{enroll: keys}}`, "
                                "the directory in the build context with PK.auth, KEK.auth and db.auth")  # fmt: skip
    if signing and signing.private_key and signing.signature:
        place = spec.positions.of("secure_boot", "signature")
        problems.add(place, "`signature` replaces `key`: the build signs, or it attaches what was signed elsewhere: "
                            "remove one of them")  # fmt: skip
