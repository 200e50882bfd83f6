"""What the planner asks of a package-manager family, and how a release of a distribution is described."""

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


class Family(Protocol):
    """A package manager and the conventions of the distributions around it."""

    name: str
    command: str
    """The program that shows that a system has this package manager."""

    def install(self, packages: tuple[str, ...], *, cache_id: str) -> PackageStep:
        """Return the step that installs `packages`; downloads are kept in cache mounts under `cache_id`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One preset: a release of a distribution with a kernel flavor. Data only.

    `kernels` maps an OCI architecture to the kernel package. `files` are written before the user's own
    files, so that the user can replace them. `services` are enabled unless the spec disables them.
    """

    preset: str
    image: str
    family: str
    packages: tuple[str, ...]
    kernels: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()
