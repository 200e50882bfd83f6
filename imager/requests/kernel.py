"""The kernels of a system and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class KernelTree(Request):
    """Reduce the modules, firmware and microcode of `system`, and write what was found to `output`.

    `purpose`: names of sets of modules (see `imager.kernel.purposes`); `machine`: files with what machines ask for
    (see `imager.kernel.machines`). `include`, `exclude`: patterns of modules (see `imager.kernel.module_filter`);
    `load` and `required` stay in any case, `load` being what the user named. `firmware`: none, auto or patterns,
    nothing: all of it.
    `microcode`: intel, amd. `kernel_version`: the only kernel to look at; empty: all of them. See
    `imager.kernel.kernel_tree`.
    """

    performed_by: ClassVar[str] = "kernel.kernel_tree"
    system: str
    output: str
    kernel_version: str = ""
    load: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()
    microcode: tuple[str, ...] = ()
    epoch: int
