"""Which module has the request of a command, and which does what it asks for.

Both are imported late: a step loads only what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from imager import request
from imager.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imager.request import Request

COMMANDS = {
    "inspect": ("reports", "report.inspection"),
    "initramfs": ("packing", "initramfs.cpio_segment"),
    "layer": ("packing", "initramfs.layers"),
    "uki": ("packing", "uki.sections"),
    "efi": ("outputs", "disk.efi"),
    "raw": ("outputs", "disk.raw"),
    "iso": ("outputs", "disk.iso"),
    "qcow2": ("outputs", "disk.qcow2"),
    "vmdk": ("outputs", "disk.vmdk"),
    "vhdx": ("outputs", "disk.vhdx"),
    "vhd": ("outputs", "disk.vhd"),
    "vdi": ("outputs", "disk.vdi"),
    "hashes": ("system", "customize.hashes"),
    "users": ("system", "customize.users"),
    "services": ("system", "customize.services"),
    "network": ("system", "customize.network"),
    "mounts": ("system", "customize.mounts"),
    "folders": ("system", "customize.directories"),
    "link": ("system", "customize.links"),
    "kernel-tree": ("system", "kernel.kernel_tree"),
    "sizes": ("reports", "report.sizes"),
    "identity": ("system", "rootfs.osrelease"),
}
"""The module of `imager.requests` with the request, and the one of `imager` whose `run(request)` does the work."""


def parse(argv: Sequence[str]) -> tuple[Request, ...]:
    """Read a command line: what is to be done, in order; raises UsageError."""
    return request.parse(kind_of, argv)


def kind_of(command: str) -> type[Request]:
    """Give the request of a command, which has its name: `kernel-tree` is `KernelTree`. Raises UsageError."""
    if command not in COMMANDS:
        given = f"unknown command {command!r}" if command else "no command given"
        raise UsageError(f"{given}; the commands are {', '.join(COMMANDS)}")
    module = import_module(f"imager.requests.{COMMANDS[command][0]}")
    kind: type[Request] = getattr(module, command.title().replace("-", ""))
    return kind


def usage() -> str:
    """Describe all commands and their flags, for people."""
    return request.usage({command: kind_of(command) for command in COMMANDS})


def perform(request: Request) -> None:
    """Do what `request` asks; raises ImagerError, UsageError or OSError."""
    import_module(f"imager.{COMMANDS[request.command][1]}").run(request)
