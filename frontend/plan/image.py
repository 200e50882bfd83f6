"""A finished system as an image for registries, which can be a base again.

It ships as it is sealed, like all other outputs. But a layer keeps what a later one removes: if any layer has a file of
one machine, the image is made as one layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import llb
from frontend import documents
from frontend.options import DEFAULT_EPOCH
from imager.requests.files import Exclude
from imager.requests.sealing import Layers, Seal

from . import places
from .files import new_file, wanted_files
from .inputs import PlanInputs
from .steps import OUT, SYSTEM, Step, edit_files, edit_system, run_on_trees

CMDLINE = "/boot/cmdline"
"""The kernel command line, for builds that start from the image."""
FOUND = "/found.json"
_FACTS = {"identities": [str], "private_keys": [str]}
_LAYERS = "/layers"


@dataclass(frozen=True, slots=True)
class Image:
    """A system sealed in a last layer, and a state with a file `FOUND` about the layers below."""

    sealed: llb.State
    found: llb.State


def plan_image(inputs: PlanInputs, system: llb.State) -> Image:
    """Return `system` as an image."""
    system = _as_in_outputs(inputs, system)
    place, keep = places.location_of(inputs.spec, "base"), wanted_files(inputs)
    step = Step("[image] leave out what belongs to one machine", place, ("outputs",))
    sealed = edit_system(inputs, system, Seal(system=SYSTEM, epoch=DEFAULT_EPOCH, keep=keep), step)
    trees = {f"{_LAYERS}/{number}": state for number, state in enumerate((system, *llb.versions(system)))}
    request = Layers(system=SYSTEM, output=OUT + FOUND, epoch=DEFAULT_EPOCH, tree=tuple(trees), keep=keep)
    step = Step("[image] look into its layers", place, ("outputs",))
    return Image(sealed, run_on_trees(inputs, request, step=step, trees={SYSTEM: sealed, **trees}))


def finish_image(image: Image, found: bytes) -> tuple[llb.State, tuple[str, ...]]:
    """Return what to ship, after the content of `FOUND`, and the private keys in it."""
    facts = documents.read(found, "the list of what is in the layers", _FACTS)
    keys = tuple(facts["private_keys"])
    if not facts["identities"]:
        return image.sealed, keys
    copy = llb.Copy(source=image.sealed, src="/", dest="/", dir_contents=True)
    return llb.edit(llb.scratch(), copy, name="[image] make it one layer"), keys


def _as_in_outputs(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` as it is in the outputs: with its kernel command line, and without what they leave out."""
    exclude = inputs.spec.rootfs.exclude
    if exclude:
        place = places.location_of(inputs.spec, "rootfs", "exclude")
        step = Step(f"[rootfs] exclude {' '.join(exclude)}", place, ("rootfs",))
        system = edit_system(inputs, system, Exclude(system=SYSTEM, pattern=exclude, epoch=inputs.options.epoch), step)
    words = inputs.spec.kernel.cmdline
    if not words:
        return system
    step = Step(f"[system] {CMDLINE}", places.location_of(inputs.spec, "kernel", "cmdline"), ("kernel",))
    return edit_files(
        inputs, system, (llb.Rm(CMDLINE, allow_not_found=True), *new_file(CMDLINE, " ".join(words) + "\n")), step
    )
