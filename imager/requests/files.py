"""Files that BuildKit itself does not make, or not on every engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request
from spec.files import Directory, Symlink


@dataclass(frozen=True, kw_only=True)
class Directories(Request):
    """Make each `directory` in `system`, by its path, or change the one that is there."""

    performed_by: ClassVar[str] = "customize.directories"
    system: str
    directory: Mapping[str, Directory]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Tree(Request):
    """Copy the content of the directory `source` to `path` in `system`, through links to directories there.

    `wanted` has the mode and the owner of everything in it; without one, those of the source stay.
    """

    performed_by: ClassVar[str] = "customize.trees"
    system: str
    source: str
    path: str
    wanted: Directory
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Exclude(Request):
    """Remove from `system` what matches the `pattern` (see `imager.rootfs.exclusion`)."""

    performed_by: ClassVar[str] = "customize.excluded"
    system: str
    pattern: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Links(Request):
    """Make each symbolic `link` in `system`, by its path."""

    performed_by: ClassVar[str] = "customize.links"
    system: str
    link: Mapping[str, Symlink]
