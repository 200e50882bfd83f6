"""Modules of `spec` can name every kind of value in their annotations without importing it."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Annotated, get_origin

import spec.values
from frontend.config.decode.shapes import GRAMMAR


def test_every_module_with_kinds_of_values_is_known() -> None:
    modules = [import_module(each.name) for each in pkgutil.iter_modules(spec.values.__path__, "spec.values.")]
    kinds = [each for each in modules if any(get_origin(value) is Annotated for value in vars(each).values())]
    assert sorted(GRAMMAR.values(), key=str) == sorted(kinds, key=str)
