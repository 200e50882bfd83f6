"""No key without a golden case: for each single value of the language there is a file in which it is wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from frontend.config import ConfigError, load
from frontend.config.decode import decoder
from frontend.config.decode.shapes import (
    ChoiceShape,
    ListShape,
    MapShape,
    ObjectShape,
    ScalarShape,
    Shape,
    object_shape,
)
from spec.document import Spec
from tests.unit.frontend.config.test_golden import CASES, arguments_of

_TOLD_ELSEWHERE = {("Spec", "include"), ("Spec", "profiles", "key")}
"""What is read before anything is decoded."""


def every_value() -> set[tuple[str, ...]]:
    """Return the single values: the class, the key, and `key` for the keys of a mapping."""
    found: set[tuple[str, ...]] = set()

    def walk(shape: Shape, *name: str) -> None:
        match shape:
            case ScalarShape():
                found.add(name)
            case ListShape():
                walk(shape.item, *name)
            case MapShape():
                found.add((*name, "key"))
                walk(shape.value, *name)
            case ObjectShape():
                for field in shape.fields.values():
                    walk(field.shape, shape.model.__name__, field.name)
            case ChoiceShape():
                for variant in shape.variants.values():
                    walk(variant, *name)

    walk(object_shape(Spec))
    return found


def test_every_value_is_wrong_in_some_case(monkeypatch: pytest.MonkeyPatch) -> None:
    kind: Any = decoder._Decoder
    plain = {name: getattr(kind, name) for name in ("_fields", "_field", "_object", "_scalar", "_map_key")}
    models, keys = [""], [""]
    wrong: set[tuple[str, ...]] = set()

    def fields(self: Any, node: Any, shape: Any, *rest: Any) -> Any:
        models.append(shape.model.__name__)
        value = plain["_fields"](self, node, shape, *rest)
        models.pop()
        return value

    def field(self: Any, node: Any, shape: Any, path: Any) -> Any:
        keys.append(shape.name)
        value = plain["_field"](self, node, shape, path)
        keys.pop()
        return value

    def an_object(self: Any, node: Any, shape: Any, *rest: Any) -> Any:
        models.append(shape.model.__name__)
        keys.append(shape.short or "")
        value = plain["_object"](self, node, shape, *rest)
        models.pop()
        keys.pop()
        return value

    def scalar(self: Any, *rest: Any) -> Any:
        value = plain["_scalar"](self, *rest)
        if value is decoder._INVALID:
            wrong.add((models[-1], keys[-1]))
        return value

    def map_key(self: Any, *rest: Any) -> Any:
        value = plain["_map_key"](self, *rest)
        if value is decoder._INVALID:
            wrong.add((models[-1], keys[-1], "key"))
        return value

    for name, wrapper in (("_fields", fields), ("_field", field), ("_object", an_object), ("_scalar", scalar)):
        monkeypatch.setattr(kind, name, wrapper)
    monkeypatch.setattr(kind, "_map_key", map_key)
    for case in CASES:
        with suppress(ConfigError):
            load(case.read_bytes(), "f", arguments_of(case.with_suffix("")))
    assert every_value() - wrong - _TOLD_ELSEWHERE == set()
