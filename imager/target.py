"""What an architecture's images are made of, and where the image claylinux/frontend keeps it.

Importing this module is cheap: the planner does it in every build.
"""

from __future__ import annotations

from dataclasses import dataclass

HOME = "/usr/lib/claylinux"
"""Our own folder in our own image."""


@dataclass(frozen=True)
class Target:
    """The parts of one architecture: paths in our image, and the consoles of a system that says nothing of them."""

    init: str
    stub: str
    consoles: str
    microcode: bool = False
    """Whether its processors take microcode from the kernel."""


TARGETS: dict[str, Target] = {
    "amd64": Target(f"{HOME}/init/amd64", f"{HOME}/stubs/linuxx64.efi.stub", "console=tty0 console=ttyS0,115200", True),
    "arm64": Target(f"{HOME}/init/arm64", f"{HOME}/stubs/linuxaa64.efi.stub", "console=tty0 console=ttyAMA0"),
}
"""Every architecture that outputs exist for, by Docker's name."""


def takes_microcode(architecture: str) -> bool:
    """Return whether the kernel loads microcode into the processors of an architecture."""
    return architecture in TARGETS and TARGETS[architecture].microcode
