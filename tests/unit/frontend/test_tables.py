"""The presets that the language knows are those that the code behind it offers."""

from __future__ import annotations

from frontend.distro import registry
from spec.presets import DISTRIBUTIONS, PRESETS


def test_every_preset_is_made() -> None:
    assert {name: preset.name for name, preset in registry.PRESETS.items()} == {name: name for name in PRESETS}
    assert {name: family.name for name, family in registry.FAMILIES.items()} == {
        name: name for name in registry.FAMILIES
    }


def test_flavors_are_those_that_the_presets_have() -> None:
    for name, preset in registry.PRESETS.items():
        assert sorted(preset.kernels) == sorted(DISTRIBUTIONS[PRESETS[name].distribution].flavors)
