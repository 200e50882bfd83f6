"""How a key of the file is described, beside its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, field
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""The default of a mapping."""


class Key(NamedTuple):
    """What is known about a key beside its type.

    `doc` is one sentence or more for users; `example` a value in YAML. `name` is the key where it differs
    from the field. `one_or_many`: one item may be written without its list. `list_as`: a list may be written
    for a mapping; it gives each item this value. `unique`: nothing may be in the list twice. `repeats`: an item may be
    there again, and means something every time. `least`: fewer items are wrong. `stand_in` takes the place of a wrong
    value, so that the rest can still be checked.
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
    """Return a dataclass field that is a key of the file; without `default` it is required."""
    description = {"key": Key(doc=doc, example=example, **options)}
    if default is MISSING:
        return field(metadata=description)
    return field(default_factory=lambda: default, metadata=description)  # immutable, so it can be shared
