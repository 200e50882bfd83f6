"""Which module does what a request asks for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imager.request import Request

MODULES = {
    "inspect": "imager.report",
    "initramfs": "imager.initramfs",
    "layer": "imager.layers",
    "uki": "imager.uki",
    "efi": "imager.efi",
    "raw": "imager.disk",
    "iso": "imager.iso",
    "qcow2": "imager.qcow2",
    "vmdk": "imager.vmdk",
    "vhdx": "imager.vhdx",
    "vhd": "imager.vhd",
    "vdi": "imager.vdi",
    "hashes": "imager.hashes",
    "users": "imager.users",
    "services": "imager.services",
    "network": "imager.network",
    "mounts": "imager.mounts",
    "folders": "imager.folders",
    "link": "imager.links",
    "kernel-tree": "imager.kernel_tree",
    "sizes": "imager.sizes",
    "identity": "imager.osrelease",
}
"""The module whose `run(request)` does the work. Imported late: a step loads only what it needs."""


def perform(request: Request) -> None:
    """Do what `request` asks; raises ImagerError, UsageError or OSError."""
    import_module(MODULES[request.command]).run(request)
