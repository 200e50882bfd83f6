"""The key `update` behind the one UKI: its index for all outputs, and the pieces that machines fetch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import llb
from frontend.options import DEFAULT_EPOCH
from imager.requests.update import LAST, Index, Pieces
from imager.target import TARGETS
from imager.uki.layout import INDEX
from imager.update import listing

from . import places, secure_boot, update
from .steps import OUT, Step, run_imager, run_on_trees

if TYPE_CHECKING:
    from spec.document import Spec

    from .inputs import PlanInputs
    from .outputs import Uki

_LOADER, _MADE = "/loader", "/update/made"
_SIGNED_LOADER = "/loader.json"


def add_index(inputs: PlanInputs, uki: Uki, certificate: llb.State | None) -> Uki:
    """Return the UKI with its index and the boot manager beside it, for all outputs. `certificate`: see `plan_uki`."""
    spec = inputs.spec
    assert spec.update is not None
    loader = TARGETS[inputs.platform.architecture].counting
    signed = secure_boot.sign_program(inputs, loader, _SIGNED_LOADER, certificate) if certificate else None
    request = Index(
        uki=uki.place,
        loader=_LOADER + _SIGNED_LOADER if signed else loader,
        key=update.KEY,
        trusted=update.TRUSTED_AT,
        name=spec.name,
        version=spec.version or "",
        channel=spec.update.channel or "",
        space=spec.update.space or 0,
        output=OUT + uki.FILE,
        epoch=inputs.options.epoch,
    )
    mounts = [*secure_boot.to_read(uki), update.trusted(inputs), *update.private_key(inputs)]
    mounts += [llb.Bind(target=_LOADER, source=signed)] if signed else []
    mounts.append(llb.Bind(target=OUT, source=llb.scratch(), readonly=False))
    step = Step(f"[update] list the pieces of {spec.name} {spec.version}", _place(spec), ("update",))
    made = run_imager(inputs, request, step=step, mounts=tuple(mounts)).mount(OUT)
    return replace(uki, changed=(*uki.changed, (_MADE, made)))


def plan_pieces(inputs: PlanInputs, uki: Uki) -> llb.State:
    """Return a state with the pieces, each in a directory of its own."""
    request = Pieces(uki=uki.place, output=OUT, epoch=DEFAULT_EPOCH)
    step = Step("[update] cut it into pieces", _place(inputs.spec), ("update",))
    return run_on_trees(inputs, request, step=step, trees={**uki.mounts, **uki.segments})


def index_of(uki: Uki) -> str:
    """Return where the state that the outputs carry has the index."""
    return uki.FILE.removesuffix(".json") + INDEX


def plan_layers(made: llb.State, index: bytes) -> llb.State:
    """Return what is published, after the content of the index: each piece is a layer, the last one has the index.

    One upon the other, as an engine without containerd's store makes a single layer of states that it merges.
    """
    count = len(listing.distinct(listing.pieces(index.decode())))
    published = llb.scratch()
    for name in (*(f"/{number}" for number in range(count)), LAST):
        copy = llb.Copy(source=made, src=name, dest="/", dir_contents=True)
        published = llb.edit(published, copy, name=f"[update] layer {name.removeprefix('/')}")
    return published


def _place(spec: Spec) -> llb.SourceRange:
    return places.location_of(spec, "update")
