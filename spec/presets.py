"""Presets and the distributions that they are made of, as far as the language knows them. Data only.

`frontend.distro` adds how each is made: packages, files, services. It has a module of the name of each distribution,
and one of the name of each package manager.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PurposeName = Literal["server", "virtual", "desktop", "all"]
"""A set of kernel modules: `imager.kernel.purposes` has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A distribution. `release` is the default one, as in the tag of its image; `flavors` are those of its kernels.

    `family` is its package manager, `admins` the group whose members may become root. `runlevels`: whether its services
    start in runlevels; `suites`: whether its repositories have suites; `leaves_out`: whether its packages bring
    documentation and translations, which presets then leave out.
    """

    family: str
    release: str
    flavors: tuple[str, ...]
    admins: str
    runlevels: bool = False
    suites: bool = False
    leaves_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetRow:
    """A preset: a distribution with a kernel. `serial_login`: whether the serial port is the main console.

    `purpose` is the default of `kernel.for`.
    """

    distribution: str
    flavor: str
    serial_login: bool = False
    purpose: PurposeName = "all"


# Alpine has all three kernels since 3.22.
DISTRIBUTIONS: dict[str, Distribution] = {
    "alpine": Distribution(
        family="apk", release="3.24", flavors=("lts", "stable", "virt"), admins="wheel", runlevels=True
    ),
    "debian": Distribution(
        family="apt", release="trixie", flavors=("cloud", "default", "rt"), admins="sudo", suites=True, leaves_out=True
    ),
}
PRESETS: dict[str, PresetRow] = {
    "alpine-lts": PresetRow(distribution="alpine", flavor="lts"),
    "alpine-stable": PresetRow(distribution="alpine", flavor="stable"),
    "alpine-virt": PresetRow(distribution="alpine", flavor="virt", serial_login=True),
    "debian": PresetRow(distribution="debian", flavor="default", purpose="server"),
    "debian-cloud": PresetRow(distribution="debian", flavor="cloud", purpose="virtual"),
}
