"""A system that ships as an image for registries, which is not packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class Seal(Request):
    """Leave out of `system` what belongs to one machine, except for the paths in `keep` (see `imager.rootfs.seal`).

    What is kept is listed in the system, so that a build from the image keeps it, too.
    """

    performed_by: ClassVar[str] = "customize.sealing"
    system: str
    epoch: int
    keep: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layers(Request):
    """Write to `output` what belongs to one machine in each `tree`, and the private keys in `system`, as JSON.

    Each tree is the system after one step; the layers of an image keep what a later one removes.
    """

    performed_by: ClassVar[str] = "report.layers"
    system: str
    output: str
    epoch: int
    tree: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
