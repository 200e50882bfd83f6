"""What the planner asks of a package-manager family, and how a preset of a distribution is described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import llb


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageStep:
    """One build step of a package manager, to be run inside the system.

    `script` is for `/bin/sh -eu`; `mounts` are what it needs beside the system; `env` is added to the base's own.
    """

    script: str
    mounts: tuple[llb.Mount, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """A further place that packages come from.

    `name` is what its files in the system are called. Without `url` the distribution's own places get further
    `components` (and apt further `suites`). `key` is the path of its public key while the step runs, or empty;
    `key_name` the file name that the key had.
    """

    name: str
    url: str = ""
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    key: str = ""
    key_name: str = ""


class Family(Protocol):
    """A package manager and the conventions of the distributions around it."""

    name: str
    command: str
    """The program that shows that a system has this package manager."""
    microcode: Mapping[str, str]
    """The package with the microcode of each vendor."""
    microcode_component: str
    """The part of the distribution's repositories that `microcode` is in; empty where every system knows it."""

    def install(
        self, packages: tuple[str, ...], *, cache_id: str, recommends: bool = False, answers: str = ""
    ) -> PackageStep:
        """Return the step that installs `packages`; downloads are kept in cache mounts under `cache_id`.

        Names that start with `/` are files. `answers` is the path of a file with answers to questions.
        """
        ...

    def assemble(
        self, packages: tuple[str, ...], kernel: str, *, cache_id: str, optional: tuple[str, ...] = ()
    ) -> PackageStep:
        """Return the step that makes an image of the distribution bootable: `packages`, and the package `kernel`.

        Those `optional` packages are installed, too, that the release has.
        """
        ...

    def remove(self, packages: tuple[str, ...]) -> PackageStep:
        """Return the step that removes `packages`, and what was there only for their sake."""
        ...

    def first_boot(self) -> PackageStep | None:
        """Return the step that does again what `install` did in place of the first boot, after other things came.

        It leaves systems alone for which no other step did. None where the init systems of the family do nothing then.
        """
        ...

    def in_run(self) -> PackageStep:
        """Return what a step of `run` gets, so that the package manager in it is as quiet as in the other steps."""
        ...

    def tidy(self) -> PackageStep:
        """Return the step that removes what `run` left of the package manager's work, and of the first boot's."""
        ...

    def add_sources(self, sources: tuple[PackageSource, ...]) -> PackageStep:
        """Return the step that makes `sources` known to the system."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A distribution with a kernel flavor: what `base: NAME` starts from. Data only.

    `kernels` maps a flavor to its kernel package, in which `{architecture}` stands for the OCI architecture.
    `optional` packages are not in all releases.
    `files` (by architecture) are written before the user's own files, so that the user can replace them.
    `services` maps what is enabled from the start, so that later steps may disable it, to its OpenRC runlevel, or to
    True with systemd, which has none. `volatile` are files that are made at boot: what the build left there would be in
    the way.
    """

    name: str
    image: str
    release: str
    family: str
    packages: tuple[str, ...]
    optional: tuple[str, ...] = ()
    flavor: str
    kernels: Mapping[str, str]
    files: Mapping[str, Mapping[str, str]]
    services: Mapping[str, bool | str] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()

    @property
    def architectures(self) -> tuple[str, ...]:
        """The OCI architectures that the preset is made for."""
        return tuple(sorted(self.files))

    def image_of(self, release: str | None) -> str:
        """Return the OCI image that a release starts from; None is the default."""
        return f"{self.image}:{release or self.release}"

    def kernel_of(self, flavor: str | None, architecture: str) -> str:
        """Return the kernel package of a flavor (None is the preset's own). Raises `KeyError` where there is none."""
        return self.kernels[flavor or self.flavor].replace("{architecture}", architecture)
