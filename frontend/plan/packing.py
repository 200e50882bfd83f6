"""The initramfs in segments, one per stage of the system: a change packs only the stages from there on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import llb
from frontend import documents
from frontend.config.rules.lint import PRIVATE_KEY
from frontend.config.syntax.diagnostics import Diagnostic
from imager import memory
from imager.core.terminal import printable
from imager.requests.packing import Initramfs, Layer
from imager.target import TARGETS
from spec.files import CopiedFile, FetchedFile
from spec.values.wording import code

from . import places
from .files import wanted_files
from .steps import OUT, SYSTEM, Step, run_on_trees
from .system import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.document import Spec
    from spec.files import FileEntry
    from spec.outputs import Rootfs

    from .inputs import PlanInputs

FACTS = "/facts.json"
"""A file in the state of a segment that describes it and those below (see `imager.initramfs.segments`)."""
SEGMENT = "/segment"
_FACTS = [{"growth": {"files": int, "size": int}, "dead": {"size": int}, "problem": str, "private_keys": [str]}]
_BELOW, _LOWER = "/below", "/lower"
_DEFAULT = {memory.OVERLAY: "zstd:3", memory.TMPFS: "zstd:3"}
"""Measured: see docs/internals/packing.md."""
_DEAD_SHARE = 0.1
"""The share of dead weight above which a system is packed as one segment."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The segments of a system, the lowest first, and the mode in which they boot.

    `size` is the size of its files in bytes, `unpacked` its size in a tmpfs, and `private_keys` the paths of keys among
    its files. `excluded` are the patterns that left out something. They are known after packing. `lacks` names what its
    kernel does not support, if that ruled out the preferred mode.
    """

    mode: str
    segments: tuple[llb.State, ...]
    size: int = 0
    unpacked: int = 0
    lacks: tuple[str, ...] = ()
    private_keys: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()


def mode_of(rootfs: Rootfs, *, lacks_overlay: bool = False) -> str:
    """Return the mode in which the system boots. `lacks_overlay`: the kernel does not support overlay mode."""
    if rootfs.mode != "auto":
        return rootfs.mode
    return memory.TMPFS if lacks_overlay else memory.OVERLAY


def name_of(rootfs: Rootfs) -> str:
    """Return how a message names the mode that needs modules of the kernel."""
    return "a system on a disk" if rootfs.on_disk else "overlay mode"


def compression_of(rootfs: Rootfs, mode: str) -> str:
    """Return the compression of the system in a mode, as `imager.archive.compress` names it."""
    return rootfs.compression or _DEFAULT[mode]


def plan_packing(inputs: PlanInputs, stages: tuple[Stage, ...], mode: str) -> Packed:
    """Return the segments of a system: one for each stage, or a single one with `flatten`."""
    if inputs.spec.rootfs.flatten:
        stages = _as_one(stages)
    made: list[llb.State] = []
    for number, stage in enumerate(stages):
        last = number == len(stages) - 1
        below = stages[number - 1].state if number else None
        # The second segment does not depend on the first, so both are packed at the same time.
        lower = tuple(made) if last or number > 1 else ()
        made.append(_segment(inputs, mode, number, stage, below, lower, last=last))
    return Packed(mode, tuple(made))


def plan_whole(inputs: PlanInputs, stages: tuple[Stage, ...], mode: str) -> Packed:
    """Return the system as one segment."""
    return plan_packing(inputs, _as_one(stages), mode)


def _as_one(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    return (Stage("the system", stages[-1].state),)


def is_wasteful(facts: bytes) -> bool:
    """Return whether the segments, as the last one describes them, should be one.

    This is the case if too much dead weight would boot, or if unpacking them would not give the system.
    """
    segments = _segments(facts)
    dead = sum(each["dead"]["size"] for each in segments)
    return dead > _sum(segments, "size") * _DEAD_SHARE or any(each["problem"] for each in segments)


def with_sizes(packed: Packed, facts: bytes) -> Packed:
    """Return `packed` with its sizes."""
    segments = _segments(facts)
    size = _sum(segments, "size")
    keys = tuple(path for each in segments for path in each["private_keys"])
    excluded = frozenset(pattern for each in segments for pattern in each["excluded"])
    unpacked = memory.unpacked_size(size, _sum(segments, "files"))
    return replace(packed, size=size, unpacked=unpacked, private_keys=keys, excluded=excluded)


def warnings(spec: Spec, packed: Packed) -> Iterator[Diagnostic]:
    """Yield a warning for every key that should not be in an image, and for idle patterns.

    A pattern is idle if it leaves out nothing.
    """
    for index, pattern in enumerate(spec.rootfs.exclude):
        if pattern not in packed.excluded:
            text = f"`rootfs.exclude`: nothing in the system matches {code(pattern)}"
            yield Diagnostic(spec.positions.of("rootfs", "exclude", index), text, "warning")
    yield from key_warnings(spec, packed.private_keys)


def key_warnings(spec: Spec, private_keys: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Yield a warning for every file that should not be in an image, unless the spec names it."""
    for path in dict.fromkeys(private_keys):
        if not any(_brings(entry, place, f"/{path}") for place, entry in spec.files.items()):
            text = (
                f"/{printable(path)} is a private key that the build or its base made: everybody who has the image has "
                "it, and all machines share it. Make it at boot, or name it in `files` if that is intended"
            )
            yield Diagnostic(spec.positions.of("base"), text, "warning", PRIVATE_KEY)


def _brings(entry: FileEntry, place: str, path: str) -> bool:
    """Return whether an entry of `files` brings a file, by itself or in a tree."""
    below = place != "/" and path.startswith(f"{place.rstrip('/')}/")
    return path == place or (below and isinstance(entry, CopiedFile | FetchedFile))


def _segments(facts: bytes) -> list[dict[str, Any]]:
    segments: list[dict[str, Any]] = documents.read(facts, "what a segment says of itself", _FACTS)
    return segments


def _sum(segments: list[dict[str, Any]], unit: str) -> int:
    return sum(each["growth"][unit] for each in segments)


def _segment(
    inputs: PlanInputs,
    mode: str,
    number: int,
    stage: Stage,
    below: llb.State | None,
    lower: tuple[llb.State, ...],
    *,
    last: bool,
) -> llb.State:
    trees = {SYSTEM: stage.state} | {f"{_LOWER}/{index}": state for index, state in enumerate(lower)}
    if below is not None:
        trees[_BELOW] = below
    common: dict[str, Any] = {
        "system": SYSTEM,
        "output": OUT + SEGMENT,
        "compression": compression_of(inputs.spec.rootfs, mode),
        "epoch": inputs.options.epoch,
        "below": _BELOW if below is not None else "",
        "facts": OUT + FACTS,
        "lower": tuple(f"{_LOWER}/{index}{FACTS}" for index in range(len(lower))),
        "more": not last,
        "keep": wanted_files(inputs) if last else (),
        "exclude": inputs.spec.rootfs.exclude,
    }
    request = (
        Layer(number=number, verified=inputs.spec.rootfs.on_disk, **common)
        if mode == memory.OVERLAY
        else Initramfs(init=TARGETS[inputs.platform.architecture].init, **common)
    )
    step = Step(f"[initramfs] pack {stage.what}", places.location_of(inputs.spec, "base"), ("initramfs",))
    return run_on_trees(inputs, request, step=step, trees=trees)
