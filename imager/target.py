"""What an architecture's images are made of, and where the image claylinux/frontend keeps it.

Importing this module is cheap: the planner does it in every build.
"""

from __future__ import annotations

from dataclasses import dataclass

HOME = "/usr/lib/claylinux"
"""Our own folder in our own image."""


@dataclass(frozen=True)
class Target:
    """The parts of one architecture: paths in our image, and the consoles of a system that says nothing of them.

    `runs` is a program that ends well, to learn whether a builder can run programs of this architecture.
    """

    init: str
    runs: str
    stub: str
    consoles: str


TARGETS: dict[str, Target] = {
    architecture: Target(f"{HOME}/init/{architecture}", f"{HOME}/runs/{architecture}", f"{HOME}/stubs/{stub}", consoles)
    for architecture, stub, consoles in (
        ("amd64", "linuxx64.efi.stub", "console=tty0 console=ttyS0,115200"),
        ("arm64", "linuxaa64.efi.stub", "console=tty0 console=ttyAMA0"),
    )
}
"""Every architecture that outputs exist for, by Docker's name."""
