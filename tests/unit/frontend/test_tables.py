"""What the language names and what the code behind it offers are the same: neither may import the other."""

from __future__ import annotations

from importlib import import_module

from frontend.config.rules.presets import FLAVORS
from frontend.distro import registry
from imager import contract
from imager.commands import COMMANDS
from spec.values.words import OUTPUT_FORMATS, PRESETS


def test_every_output_format_has_a_maker_and_a_word() -> None:
    assert {name: row.extension for name, row in contract.FORMATS.items()} == OUTPUT_FORMATS


def test_every_preset_has_data_and_a_word() -> None:
    assert sorted(PRESETS) == sorted(registry.PRESETS)
    assert {release.family for release in registry.PRESETS.values()} <= set(registry.FAMILIES)


def test_flavors_are_those_that_the_presets_have() -> None:
    for name, preset in registry.PRESETS.items():
        assert sorted(preset.kernels) == sorted(FLAVORS[name.partition("-")[0]])


def test_every_request_of_the_imager_has_a_module() -> None:
    assert sorted(COMMANDS) == sorted(kind.command for kind in vars(contract).values() if hasattr(kind, "command"))
    assert all(callable(import_module(f"imager.{module}").run) for _, module in COMMANDS.values())
