"""Swap space of the running system: the key `swap`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontend.options import DEFAULT_EPOCH
from imager.requests.mounts import Swap
from spec.services import ServiceCommand
from spec.swap import ZRAM_PROGRAM, ZramSwap
from spec.values.types import Share

from . import places
from .steps import SYSTEM, Edit, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.document import Spec

    from .inputs import PlanInputs

ZRAM = "zram"
_ALGORITHMS = ("lz4", "lzo-rle", "zstd")
"""The defaults of kernels, and their modules: nothing else says that zram needs one of them."""


def swap(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that adds the swap spaces of the spec."""
    spec = inputs.spec
    if not spec.swap:
        return
    title = " ".join(f"zram {_size(each)}" if isinstance(each, ZramSwap) else each.device for each in spec.swap)
    step = Step(f"[swap] {title}", places.location_of(spec, "swap"), ("swap",))
    yield Edit(Swap(system=SYSTEM, swap=spec.swap, epoch=DEFAULT_EPOCH), step)


def services(spec: Spec) -> dict[str, ServiceCommand]:
    """Return the services that make swap space in compressed memory, by name."""
    return {
        f"claylinux-zram{number}": ServiceCommand(
            command=(ZRAM_PROGRAM, _size(each), *((each.algorithm,) if each.algorithm else ())),
            description="Swap space in compressed memory",
            oneshot=True,
        )
        for number, each in enumerate(spec.swap)
        if isinstance(each, ZramSwap)
    }


def modules(spec: Spec) -> tuple[str, ...]:
    """Return the kernel modules that swap space in compressed memory may need."""
    zrams = [each for each in spec.swap if isinstance(each, ZramSwap)]
    if not zrams:
        return ()
    return tuple(sorted({ZRAM, *_ALGORITHMS, *(each.algorithm for each in zrams if each.algorithm)}))


def _size(swap: ZramSwap) -> str:
    return f"{swap.zram.percent}%" if isinstance(swap.zram, Share) else str(swap.zram)
