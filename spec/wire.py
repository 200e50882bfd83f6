"""Values of the spec as one line of JSON and back: how they reach a build step.

A frozen dataclass becomes an object with its fields as far as they differ from their defaults, and the name of its
class under the key `""`. Tuples become lists; texts, numbers, switches and None stay. The same value always gives the
same text, so a cache key changes exactly when the value does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import MappingProxyType
from typing import Any

from spec.values import types

_CLASS = ""
"""The key that names a class. No field and no key of a build file is empty."""


def dump(value: object) -> str:
    """Return `value` as JSON without spaces, its keys in order."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def load(text: str, classes: Mapping[str, Any]) -> Any:
    """Return the value that `dump` wrote. `classes` has its classes by name, such as the variables of their module.

    Raises ValueError for other texts, KeyError for other classes, TypeError for other fields.
    """
    return _value(json.loads(text), {**vars(types), **classes})


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        kept = {each.name: found for each in fields(value) if (found := getattr(value, each.name)) != _default(each)}
        return {_CLASS: type(value).__name__} | {name: _plain(found) for name, found in kept.items()}
    if isinstance(value, Mapping):
        return {name: _plain(found) for name, found in value.items()}
    return [_plain(found) for found in value] if isinstance(value, tuple) else value


def _default(each: Field[Any]) -> object:
    return each.default_factory() if each.default_factory is not MISSING else each.default


def _value(found: object, classes: Mapping[str, Any]) -> Any:
    if isinstance(found, list):
        return tuple(_value(each, classes) for each in found)
    if not isinstance(found, dict):
        return found
    values = {name: _value(each, classes) for name, each in found.items() if name != _CLASS}
    return classes[found[_CLASS]](**values) if _CLASS in found else MappingProxyType(values)
