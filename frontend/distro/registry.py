"""All presets and package-manager families."""

from __future__ import annotations

from .alpine import PRESETS as _ALPINE
from .apk import Apk
from .apt import Apt
from .debian import PRESETS as _DEBIAN
from .family import Family, Preset

FAMILIES: dict[str, Family] = {"apk": Apk(), "apt": Apt()}
PRESETS: dict[str, Preset] = {preset.name: preset for preset in (*_ALPINE, *_DEBIAN)}
