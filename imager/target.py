"""The parts of an image for each architecture, and their paths in the image claylinux/frontend.

Importing this module is cheap: the planner does it in every build.
"""

from __future__ import annotations

from dataclasses import dataclass

HOME = "/usr/lib/claylinux"
"""The directory of Claylinux in its own image."""


@dataclass(frozen=True)
class Target:
    """The parts for one architecture: paths in our image, and the default consoles of a system."""

    init: str
    stub: str
    consoles: str
    microcode: bool = False
    """Whether its processors take microcode from the kernel."""


TARGETS: dict[str, Target] = {
    "amd64": Target(f"{HOME}/init/amd64", f"{HOME}/stubs/linuxx64.efi.stub", "console=tty0 console=ttyS0,115200", True),
    "arm64": Target(f"{HOME}/init/arm64", f"{HOME}/stubs/linuxaa64.efi.stub", "console=tty0 console=ttyAMA0"),
}
"""Every supported architecture, by Docker's name."""


def takes_microcode(architecture: str) -> bool:
    """Return whether the kernel loads microcode into the processors of an architecture."""
    return architecture in TARGETS and TARGETS[architecture].microcode
