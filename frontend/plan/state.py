"""What stays on a disk: the keys `state` and `persist`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontend.options import DEFAULT_EPOCH
from imager.requests.state import State
from spec.kept import TPM2

from . import places
from .files import wanted_files
from .steps import SYSTEM, Edit, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.document import Spec

    from .inputs import PlanInputs

EXT4 = "ext4"
_MODULES = (EXT4, "efivarfs")
"""The kernel modules of the file system, and of what the firmware tells about the boot."""
_ENCRYPTED = ("dm_crypt",)
_KEY_DISK = ("vfat",)


def state(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that adds what finds the partition at boot, and brings back what is on it.

    It comes after all that writes files which may stay: it lists them.
    """
    spec = inputs.spec
    if spec.state is None:
        return
    request = State(
        system=SYSTEM,
        state=spec.state,
        persist=tuple(sorted(spec.persist)),
        keep=wanted_files(inputs),
        on_disk=spec.rootfs.on_disk,
        epoch=DEFAULT_EPOCH,
    )
    place = places.location_of(spec, "persist" if spec.persist else "state")
    title = f"[state] {spec.state.label} on {spec.state.disk}: {' '.join(spec.persist) or 'nothing of the image'}"
    yield Edit(request, Step(title, place, ("state", "persist")))


def modules(spec: Spec) -> tuple[str, ...]:
    """Return the kernel modules that the partition needs."""
    state = spec.state
    if state is None:
        return ()
    if state.encrypt is None:
        return _MODULES
    return (*_MODULES, *_ENCRYPTED, *(() if state.encrypt == TPM2 else _KEY_DISK))
