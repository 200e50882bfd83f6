"""The description of a key of the file, in addition to its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, field
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""The default of a mapping."""


class Key(NamedTuple):
    """The description of a key.

    `doc` is one or more sentences for users, `example` a value in YAML. `name` is the name of the key if it differs
    from that of the field. `one_or_many`: a single item needs no list. `list_as`: a list can replace the mapping, and
    gives each item this value. `unique`: the list must not have duplicates. `repeats`: an item that appears again has a
    meaning. `least` is the smallest number of items. `stand_in` replaces a value with a problem, so that the rest can
    be checked.
    """

    doc: str
    example: str
    name: str | None = None
    one_or_many: bool = False
    list_as: object = None
    unique: bool = False
    least: int = 0
    repeats: bool = False
    stand_in: object = None


def key(doc: str, example: str, *, default: Any = MISSING, **options: Any) -> Any:
    """Return a dataclass field that is a key of the file. Without `default`, it is required."""
    description = {"key": Key(doc=doc, example=example, **options)}
    if default is MISSING:
        return field(metadata=description)
    return field(default_factory=lambda: default, metadata=description)  # immutable, so instances can share it
