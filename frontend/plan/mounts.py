"""What the running system mounts: the key `mounts`."""

from __future__ import annotations

import llb
from frontend.options import DEFAULT_EPOCH
from imager import contract
from spec.mounts import DeviceMount, FileSystem, MemoryMount
from spec.values.sizes import Share

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Step, compact_json, run_imager, tree


def add_mounts(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the file systems table of the spec."""
    spec = inputs.spec
    if not spec.mounts:
        return system
    mounts = tuple(_mount(point, spec.mounts[point]) for point in sorted(spec.mounts))
    request = contract.Mounts(system=SYSTEM, mount=mounts, epoch=DEFAULT_EPOCH)
    step = Step(f"[mounts] {' '.join(sorted(spec.mounts))}", places.location_of(spec, "mounts"), ("mounts",))
    bind = tree(SYSTEM, system, readonly=False)
    return run_imager(inputs, request, step=step, mounts=(bind,)).mount(SYSTEM)


def _mount(point: str, mount: FileSystem) -> str:
    """Return a mount in the imager's terms."""
    match mount:
        case MemoryMount(tmpfs=limit):
            size = "" if limit is None else f"{limit.percent}%" if isinstance(limit, Share) else str(limit)
            return compact_json({"point": point, "tmpfs": size, "options": list(mount.options)})
        case DeviceMount():
            return compact_json(
                {
                    "point": point,
                    "device": mount.device,
                    "fstype": mount.fstype,
                    "options": list(mount.options),
                    "optional": mount.optional,
                    "create": mount.create,
                }
            )
