"""The vertex that lists what is in a system. It reads the finished system and nothing waits for it, but the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from frontend import __version__
from imager.requests.sbom import Sbom
from imager.target import TARGETS
from spec.files import CopiedFile, FetchedFile

from . import places
from .files import DOWNLOAD, download
from .origins import origin_of_file
from .steps import OUT, SYSTEM, Step, run_on_trees

if TYPE_CHECKING:
    from .inputs import PlanInputs

ATTESTED = "/sbom.spdx.json"
"""The path of a list that goes along with the outputs. Exporters take its name for that of the file."""
_ENDINGS = {"spdx": "spdx.json", "cyclonedx": "cdx.json"}
_SOURCES = "/sources"


def plan_sbom(inputs: PlanInputs, system: llb.State, form: str, *, path: str = "", boots: bool = True) -> llb.State:
    """Return a state with the list of what is in `system`, as spdx or cyclonedx.

    It is at `path`, or else named like an output. `boots`: the outputs have what boots the system.
    """
    spec, epoch = inputs.spec, inputs.options.epoch
    entries = {
        place: entry for place, entry in sorted(spec.files.items()) if isinstance(entry, CopiedFile | FetchedFile)
    }
    trees: dict[str, llb.State] = {}
    found, origins = [], []
    for number, (place, entry) in enumerate(entries.items()):
        state = _source(inputs, place, entry)
        mount = f"{_SOURCES}/{number}"
        if state is not None:
            trees[mount] = state
        found.append("" if state is None else f"{mount}/{DOWNLOAD}" if isinstance(entry, FetchedFile) else mount)
        origins.append(_image(state))
    target = TARGETS[inputs.platform.architecture] if boots else None
    request = Sbom(
        system=SYSTEM,
        output=OUT + (path or f"/{spec.name}.{_ENDINGS[form]}"),
        form=form,
        name=spec.name,
        version=spec.version or "",
        generator=__version__,
        base=_image(inputs.base.below or inputs.base.state),
        file=entries,
        tree=tuple(found),
        origin=tuple(origins),
        stub=target.stub if target else "",
        init=target.init if target else "",
        epoch=epoch,
    )
    step = Step(f"[sbom] what is in {spec.name}", places.location_of(spec, "base"), ("sbom",))
    return run_on_trees(inputs, request, step=step, trees={SYSTEM: system, **trees})


def _source(inputs: PlanInputs, place: str, entry: CopiedFile | FetchedFile) -> llb.State | None:
    """Return what an entry takes; None if the engine has already compared it with its digest."""
    if isinstance(entry, CopiedFile):
        return inputs.sources[origin_of_file(entry)].state
    return None if entry.checksum else download(inputs, place, entry)


def _image(state: llb.State | None) -> str:
    """Return the name of the image that a tree is, as users write it, with its digest; empty if it is none."""
    name = llb.image_name(state) if state is not None else ""
    return llb.Reference.parse(name).familiar if name else ""
