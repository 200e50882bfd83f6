"""All presets and package-manager families: `spec.presets` lists them, and modules of these names make them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from spec.presets import DISTRIBUTIONS
from spec.presets import PRESETS as ROWS

from .family import Family, Preset


def _module(name: str) -> Any:
    return import_module(f"{__package__}.{name}")


FAMILIES: dict[str, Family] = {
    name: _module(name).FAMILY for name in sorted({each.family for each in DISTRIBUTIONS.values()})
}
PRESETS: dict[str, Preset] = {name: _module(row.distribution).preset(name, row) for name, row in ROWS.items()}
