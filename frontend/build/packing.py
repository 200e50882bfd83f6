"""Packing in the background, which starts before its mode is certain.

Packing takes longest, and needs only the stages. So it starts before the report about the system exists, in the mode
that nearly all kernels support. This is not part of the plan, which must not call the engine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from frontend.errors import UserError
from frontend.plan import packing, places
from imager import memory

from .background import start

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    import llb
    from frontend.gateway.client import Client, Ref
    from frontend.plan.inputs import PlanInputs
    from frontend.plan.packing import Packed
    from frontend.plan.report import Report
    from frontend.plan.system import Stage


class Packing:
    """Packs the stages of a system in the background, as soon as it is created."""

    def __init__(
        self, client: Client, solve: Callable[[llb.State], Ref], inputs: PlanInputs, stages: tuple[Stage, ...]
    ) -> None:
        self._client = client
        self._solve = solve
        self._inputs = inputs
        self._stages = stages
        self._guess = packing.plan_packing(inputs, stages, packing.mode_of(inputs.spec.rootfs))
        self._packed: Future[Packed] = start(lambda: self._pack(self._guess))

    def finish(self, report: Report, version: str) -> Packed:
        """Return the segments for the kernel `version`. Raises `UserError` if it cannot boot them."""
        rootfs = self._inputs.spec.rootfs
        modules = (report.no_disk if rootfs.on_disk else report.no_overlay).get(version, ())
        decoders = report.no_decoder.get(version, ())
        lacking = memory.missing_for_overlay(modules, decoders, packing.compression_of(rootfs, memory.OVERLAY))
        if lacking and (rootfs.mode == "overlay" or rootfs.on_disk):
            key, remedy = ("source", "remove `source: disk`") if rootfs.on_disk else ("mode", "write `mode: auto`")
            text = (
                f"`rootfs.{key}`: kernel {version} does not support {packing.name_of(rootfs)}, because it has no "
                f"{' and no '.join(lacking)}: {remedy}, or use another kernel"
            )
            raise UserError(text, (places.location_of(self._inputs.spec, "rootfs", key),))
        mode = packing.mode_of(rootfs, lacks_overlay=bool(lacking))
        if mode == self._guess.mode:
            return self._packed.result()
        return replace(self._pack(packing.plan_packing(self._inputs, self._stages, mode)), lacks=lacking)

    def _pack(self, packed: Packed) -> Packed:
        """Pack the segments, or the whole system as one if segments would waste memory."""
        facts = self._client.read_file(self._solve(packed.segments[-1]), packing.FACTS)
        if len(packed.segments) > 1 and packing.is_wasteful(facts):
            return self._pack(packing.plan_whole(self._inputs, self._stages, packed.mode))
        return packing.with_sizes(packed, facts)
