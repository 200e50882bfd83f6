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
class Links(Request):
    """Make each symbolic `link` in `system`, by its path."""

    performed_by: ClassVar[str] = "customize.links"
    system: str
    link: Mapping[str, Symlink]
