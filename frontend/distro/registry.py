"""Which presets and package-manager families there are."""

from __future__ import annotations

from .apt import Apt
from .debian import RELEASES as _DEBIAN
from .family import Family, Release

FAMILIES: dict[str, Family] = {"apt": Apt()}
PRESETS: dict[str, Release] = {release.preset: release for release in _DEBIAN}
