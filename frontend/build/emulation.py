"""Programs of another architecture: whether the builder can run those of the system, before the first of them starts.

Outside `plan`, since only a try tells. The list of platforms that the engine gives (BUILDKIT_WORKERS) lacks those of
the emulators in BuildKit's own image, and those that were registered after the engine started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from frontend.errors import EngineError, UserError
from imager.target import TARGETS

if TYPE_CHECKING:
    from frontend.gateway.client import Client
    from frontend.plan.inputs import PlanInputs

_PROGRAM = "/runs"


def check_programs(client: Client, inputs: PlanInputs, system: llb.State, source: llb.SourceFile) -> None:
    """Raise `UserError` where a step of `system` runs programs that this builder cannot run."""
    platform = inputs.platform
    if platform.architecture in inputs.options.runs or platform.architecture not in TARGETS:
        return
    first = _first_program(llb.marshal(system, source), platform)
    if first is None or _can_run(client, inputs):
        return
    name, ranges = first
    architecture = platform.architecture
    raise UserError(
        f"this builder cannot run programs for {platform}, as {name} has to: let its machine emulate them "
        f"(docker run --privileged --rm tonistiigi/binfmt --install {architecture}; on Debian the package "
        f"qemu-user-static), or build on a machine with an {architecture} processor",
        ranges,
    )


def _first_program(
    definition: llb.Definition, platform: llb.Platform
) -> tuple[str, tuple[llb.SourceRange, ...]] | None:
    """Return the name and the places of the first step that runs programs of `platform`; None where none does."""
    from proto import ops_pb2

    *ops, _ = getattr(definition.to_pb(), "def")
    for vertex, data in zip(definition.vertices.values(), ops, strict=True):
        op = ops_pb2.Op.FromString(data)
        if op.WhichOneof("op") == "exec" and op.platform.Architecture == platform.architecture:
            return vertex.name or "a step of the Dockerfile", vertex.locations
    return None


def _can_run(client: Client, inputs: PlanInputs) -> bool:
    """Try a program that ends well: again in each build, as the builder may have changed since the last one."""
    platform = inputs.platform
    copy = llb.Copy(source=inputs.imager, src=TARGETS[platform.architecture].runs, dest=_PROGRAM)
    program = llb.edit(llb.scratch(), copy, name=f"[internal] a program for {platform}")
    run = llb.execute(
        program,
        (_PROGRAM,),
        network="none",
        platform=platform,
        name=f"[internal] can {platform} be run here?",
        ignore_cache=True,
    )
    try:
        client.solve(llb.marshal(run.root), evaluate=True)
    except EngineError as error:
        if "exit code" not in str(error) and "format error" not in str(error):
            raise
        return False
    return True
