"""The parts of an image for each architecture, and their paths in the image claylinux/frontend.

Importing this module is cheap: the planner does it in every build.
"""

from __future__ import annotations

from dataclasses import dataclass

HOME = "/usr/lib/claylinux"
"""The directory of Claylinux in its own image."""


@dataclass(frozen=True)
class Target:
    """The parts for one architecture: paths in our image, and the default consoles of a system.

    `runs` is a program that does nothing and succeeds: it shows whether a builder runs programs of this architecture.
    `microcode`: whether its processors take microcode from the kernel. `loader` is the boot manager that enrolls keys,
    `counting` the newer one that counts how often a version was tried.
    """

    init: str
    runs: str
    stub: str
    loader: str
    counting: str
    consoles: str
    microcode: bool


TARGETS: dict[str, Target] = {
    architecture: Target(
        f"{HOME}/init/{architecture}",
        f"{HOME}/runs/{architecture}",
        f"{HOME}/stubs/linux{efi}.efi.stub",
        f"{HOME}/stubs/systemd-boot{efi}.efi",
        f"{HOME}/loaders/systemd-boot{efi}.efi",
        consoles,
        microcode,
    )
    for architecture, efi, consoles, microcode in (
        ("amd64", "x64", "console=tty0 console=ttyS0,115200", True),
        ("arm64", "aa64", "console=tty0 console=ttyAMA0", False),
    )
}
"""Every supported architecture, by Docker's name."""


def takes_microcode(architecture: str) -> bool:
    """Return whether the kernel loads microcode into the processors of an architecture."""
    return architecture in TARGETS and TARGETS[architecture].microcode
