"""Rules of the keys `state` and `persist`. Pure; each reports what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from frontend.config.syntax.diagnostics import Collector
from spec.base import PresetBase
from spec.document import Spec
from spec.kept import SSH_HOST_KEYS, STORE, TPM2

from .presets import distribution_of


def validate_state(spec: Spec, problems: Collector) -> None:
    """Report every contradiction between what stays and what else the file says."""
    if spec.persist and spec.state is None and not problems.any_in(spec.positions.of("state")):
        place = spec.positions.key("persist")
        problems.add(place, "`persist` needs a partition that stays: add `state: rest`")
    if spec.state is None:
        return
    if spec.state.encrypt == TPM2 and (lacking := _without_tpm2(spec)):
        place = spec.positions.of("state", "encrypt")
        problems.add(place, f"{lacking} a key on another disk (for example `LABEL=KEYS/state.key`)")
    for point in spec.mounts:
        if point == STORE:
            place = spec.positions.key("mounts", point)
            problems.add(place, f"{STORE} is where `state` is mounted: choose another directory")
    for path in spec.files:
        if _is_below(path, STORE):
            place = spec.positions.key("files", path)
            text = f"{path} would be hidden by the partition of `state`: choose a directory that `persist` names"
            problems.add(place, text)
    for index, path in enumerate(spec.persist):
        _kept(spec, index, path, problems)


def _without_tpm2(spec: Spec) -> str | None:
    """Return the beginning of a message if the system has no programs that open a volume by the TPM."""
    match distribution_of(spec), spec.base:
        case "alpine", _:
            return "Alpine has no programs for `tpm2`: use"
        case "debian", PresetBase(release=str(release)) if re.match(r"(bookworm|12)\b", release):
            return "`tpm2` needs Debian 13 (`trixie`) or newer: use that, or"
        case _:
            return None


def _kept(spec: Spec, index: int, path: str, problems: Collector) -> None:
    place = spec.positions.of("persist", index)
    for above in _above(path):
        if above in spec.mounts:
            line = spec.positions.key("mounts", above).line_from(place)
            text = f"{path} would be hidden by the mount of {above} ({line}): remove one of them"
            problems.add(place, text)
        elif above != path and above in spec.persist:
            line = spec.positions.of("persist", spec.persist.index(above)).line_from(place)
            problems.add(place, f"{path} is in {above}, which stays as a whole ({line}): remove one of them")
    if path == SSH_HOST_KEYS and "/etc/ssh" in spec.persist:
        line = spec.positions.of("persist", spec.persist.index("/etc/ssh")).line_from(place)
        problems.add(place, f"the keys are in /etc/ssh, which stays as a whole ({line}): remove one of them")


def _above(path: str) -> Iterator[str]:
    """Yield a path and all directories above it; a word has none."""
    while path.startswith("/") and path != "/":
        yield path
        path = path.rpartition("/")[0]


def _is_below(path: str, directory: str) -> bool:
    return f"{path}/".startswith(f"{directory}/")
