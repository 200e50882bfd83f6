"""What is in a system, and what takes the space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class Inspect(Request):
    """Write a JSON report of what is in `system` to `output` (see `imager.report.inspection`).

    `module`: names of modules to look for in every kernel. `kernel_tree`: what requests of this name wrote.
    `weigh`: whether to count files, which means to look at all of them. `path` and `user`: files, and owners of homes,
    that the running system may not see, or programs that it may not be able to start. `base` is the system as its owner
    made it, if it was not made here.
    """

    performed_by: ClassVar[str] = "report.inspection"
    system: str
    output: str
    weigh: bool = True
    module: tuple[str, ...] = ()
    kernel_tree: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    base: str = ""


@dataclass(frozen=True, kw_only=True)
class Sizes(Request):
    """Report what takes the space in `system` and `uki` (`report.sizes`).

    JSON goes to `output`, a table to `text`, a page for browsers to `page`. `mode` is how the system is kept in memory,
    `unpacked` what it takes in a tmpfs in bytes, 0 when it is not known, and `stub_adds` whether the stub of an
    output adds files to the initramfs (see `packing.Uki`). `copied`: init copies layers that are on the disk to memory.
    `exclude` are the patterns of what was not packed (see `imager.rootfs.exclusion`). `previous`: the JSON of an
    earlier report, for comparison. `kernel_tree` as in `Inspect`.
    """

    performed_by: ClassVar[str] = "report.sizes"
    system: str
    uki: str
    output: str
    text: str
    page: str
    name: str
    mode: str = ""
    unpacked: int = 0
    stub_adds: bool = False
    copied: bool = False
    exclude: tuple[str, ...] = ()
    previous: str = ""
    kernel_tree: tuple[str, ...] = ()
    epoch: int
