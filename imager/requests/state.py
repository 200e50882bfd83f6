"""What stays on a disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import spec.state
from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class State(Request):
    """Let `system` find its partition at boot, and keep `persist` on it: directories and words.

    `keep`: files for which packing makes an exception (see `imager.rootfs.seal`). `on_disk`: the system is on a disk,
    which may be the one with the partition.
    """

    performed_by: ClassVar[str] = "customize.state"
    system: str
    state: spec.state.State
    persist: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    on_disk: bool = False
    epoch: int
