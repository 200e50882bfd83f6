"""The interface of a package-manager family, and the description of a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import llb

PACKAGES = "/run/claylinux-packages"
"""Where packages of the build context are while a step installs them."""
MEMORY = "/run/claylinux-memory"
"""A tmpfs of those steps that have certificates or credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageStep:
    """One build step of a package manager, to be run inside the system.

    `/bin/sh -eu` runs `script`, with `mounts` in addition to the system, and `env` in addition to that of the base.
    """

    script: str
    mounts: tuple[llb.Mount, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """A repository to add.

    `name` is the name of its files in the system. Without `url`, its `components` (and `suites`, for apt) are added to
    the repositories of the distribution. `key` is the path of its public key while the step runs, or empty. `key_name`
    is the original file name of the key.
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
    """A program that only systems with this package manager have."""
    microcode: Mapping[str, str]
    """The microcode package of each vendor."""
    microcode_component: str
    """The repository component with `microcode`; empty if every system has it."""

    def install(
        self, packages: tuple[str, ...], *, cache_id: str, recommends: bool = False, answers: str = ""
    ) -> PackageStep:
        """Return the step that installs `packages`. Cache mounts named after `cache_id` keep the downloads.

        Names that start with `/` are files. `answers` is the path of a file with answers to questions.
        """
        ...

    def assemble(
        self,
        packages: tuple[str, ...],
        kernel: str,
        *,
        cache_id: str,
        optional: tuple[str, ...] = (),
        docs: bool = False,
        languages: tuple[str, ...] = (),
    ) -> PackageStep:
        """Return the step that makes an image of the distribution bootable: `packages` and the package `kernel`.

        It also installs those `optional` packages that the release has. If the package manager can leave out parts of
        packages, it does so from now on with documentation, unless `docs`, and with translations into other `languages`
        than English; `all` keeps every language.
        """
        ...

    def remove(self, packages: tuple[str, ...]) -> PackageStep:
        """Return the step that removes `packages`, and the dependencies that nothing else needs."""
        ...

    def make_locale(self, name: str) -> PackageStep | None:
        """Return the step that generates a locale with UTF-8, where its programs are installed.

        None if the C library of the family has no locales to generate.
        """
        ...

    def make_keyboard(self) -> PackageStep | None:
        """Return the step that prepares the keyboard of the consoles, so that no boot has to.

        None if the programs of the family load what their packages have.
        """
        ...

    def first_boot(self) -> PackageStep | None:
        """Return the step that repeats the first-boot work of `install` after other changes.

        It does nothing if no earlier step did this work. None if the init systems of the family have no such work.
        """
        ...

    def in_run(self) -> PackageStep:
        """Return what a step of `run` gets, so that the package manager in it is as quiet as in the other steps."""
        ...

    def tidy(self) -> PackageStep:
        """Return the step that removes what `run` left of the package manager's work, and of the first boot's."""
        ...

    def add_sources(self, sources: tuple[PackageSource, ...]) -> PackageStep:
        """Return the step that adds `sources` to the system."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A distribution with a kernel flavor, as in `base: NAME`. Data only.

    `kernels` maps a flavor to its kernel package, in which `{architecture}` stands for the OCI architecture.
    `optional` packages are not in all releases. `needed_by` has the packages that keys of the build file need, or
    single values of keys (`state.encrypt=tpm2`).
    `files` (by architecture) are written before those of the user, which can replace them.
    `services` are enabled first, so that later steps can disable them. The values are OpenRC runlevels, or True for
    systemd, which has none. `yields` maps some of them to other services with the same purpose: a build file that wants
    one of those switches ours off. `volatile` files are created at boot, so the build removes them.
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
    yields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()
    needed_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def architectures(self) -> tuple[str, ...]:
        """The OCI architectures that the preset supports."""
        return tuple(sorted(self.files))

    def image_of(self, release: str | None) -> str:
        """Return the OCI image of a release; None is the default release."""
        return f"{self.image}:{release or self.release}"

    def kernel_of(self, flavor: str | None, architecture: str) -> str:
        """Return the kernel package of a flavor (None: that of the preset). Raises `KeyError` if there is none."""
        return self.kernels[flavor or self.flavor].replace("{architecture}", architecture)
