"""The model as data, for the decoder, the JSON Schema and the reference page."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import MISSING
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from spec.keys import NOTHING, Key
from spec.values import (
    credentials,
    filesystems,
    kept,
    kinds,
    mount_grammar,
    networking,
    paths,
    programs,
    region,
    sizes,
    update,
    words,
)
from spec.values.kinds import Kind, Switch, Text
from spec.values.wording import listing

_MODULES = (
    credentials,
    filesystems,
    kept,
    kinds,
    mount_grammar,
    networking,
    paths,
    programs,
    region,
    sizes,
    update,
    words,
)
GRAMMAR = {module.__name__.rpartition(".")[2]: module for module in _MODULES}
"""The grammar that modules of `spec` name in annotations, without importing it: build steps have no use for it."""


class ScalarShape(NamedTuple):
    """A single value."""

    kind: Kind


class ListShape(NamedTuple):
    """A list. `single`: one item needs no list. `repeats`: an item that appears again has a meaning."""

    item: Shape
    single: bool
    unique: bool
    least: int
    repeats: bool


class MapShape(NamedTuple):
    """A mapping whose keys the user chooses. `list_value` is the value of each item if a list is written instead."""

    key: Text
    value: Shape
    list_value: object


class FieldShape(NamedTuple):
    """A key of an object. `field` is its name in the model, `name` its name in the file."""

    field: str
    name: str
    shape: Shape
    key: Key
    required: bool
    optional: bool
    """Whether its value may be `null`."""


class ObjectShape(NamedTuple):
    """A mapping with known keys, made into an instance of `model`.

    `short` is the key that a single value stands for. `marker` is a required key that is not a field: its value is
    `true`.
    """

    model: type[Any]
    fields: Mapping[str, FieldShape]
    short: str | None
    chosen_by: str | None
    marker: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """All valid keys."""
        return (*((self.marker,) if self.marker else ()), *self.fields)

    @property
    def hints(self) -> Mapping[str, str]:
        """What to write instead of unknown keys."""
        hints: Mapping[str, str] = getattr(self.model, "HINTS", NOTHING)
        return hints

    @property
    def short_kind(self) -> Kind | None:
        """The kind of the single value that can replace the mapping."""
        shape = self.fields[self.short].shape if self.short else None
        return shape.kind if isinstance(shape, ScalarShape) else None

    @property
    def expected(self) -> str:
        """The noun phrase that completes "... must be"."""
        return f"{self.short_kind.expected}, or a mapping" if self.short_kind else "a mapping"

    @property
    def example(self) -> str:
        """The required keys, as a mapping in YAML; empty if there are none."""
        needed = ", ".join(f"{each.name}: {each.key.example}" for each in self.fields.values() if each.required)
        return f"{{{needed}}}" if needed else ""


class ChoiceShape(NamedTuple):
    """Exactly one of several objects. A key that only one of them has chooses it."""

    variants: Mapping[str, ObjectShape]
    keys: tuple[str, ...]
    """Every key of every variant."""
    hints: Mapping[str, str] = NOTHING

    @property
    def short(self) -> ObjectShape | None:
        """The variant that a single value stands for."""
        return next((each for each in self.variants.values() if each.short), None)

    @property
    def expected(self) -> str:
        """The noun phrase that completes "... must be"."""
        start = f"{self.short.short_kind.expected}, or " if self.short and self.short.short_kind else ""
        return f"{start}a mapping with one of the keys {listing(self.variants)}"


Shape = ScalarShape | ListShape | MapShape | ObjectShape | ChoiceShape


@cache
def object_shape(model: type[Any]) -> ObjectShape:
    """Return the shape of a class of the model."""
    hints = get_type_hints(model, localns=GRAMMAR, include_extras=True)
    fields = {}
    for field in dataclasses.fields(model):
        if "key" in field.metadata:
            shape = _field_shape(field, hints[field.name])
            fields[shape.name] = shape
    chosen_by = getattr(model, "CHOSEN_BY", None)
    return ObjectShape(
        model=model,
        fields=types.MappingProxyType(fields),
        short=getattr(model, "SHORT", None),
        chosen_by=chosen_by,
        marker=None if chosen_by in fields else chosen_by,
    )


def _field_shape(field: dataclasses.Field[Any], hint: Any) -> FieldShape:
    key: Key = field.metadata["key"]
    inner = _without_none(hint)
    return FieldShape(
        field=field.name,
        name=key.name or field.name,
        shape=_shape(inner, key),
        key=key,
        required=field.default is MISSING and field.default_factory is MISSING,
        optional=inner is not hint,
    )


def _without_none(hint: Any) -> Any:
    members = tuple(each for each in get_args(hint) if each is not type(None))
    if not _is_union(hint) or len(members) == len(get_args(hint)):
        return hint
    return Union[members]  # noqa: UP007 - its members are known only at run time


def _shape(hint: Any, key: Key | None = None) -> Shape:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return ScalarShape(args[1])
    if hint is bool:
        return ScalarShape(Switch())
    if origin is Literal:
        return ScalarShape(Text(listing(args), choices=args))
    if origin is tuple:
        key = key or Key("", "")
        return ListShape(_shape(args[0]), key.one_or_many, key.unique, key.least, key.repeats)
    if origin is Mapping:
        return MapShape(get_args(args[0])[1], _shape(args[1]), key.list_as if key else None)
    if _is_union(hint):
        variants = {each.CHOSEN_BY: object_shape(each) for each in args}
        keys = dict.fromkeys(name for variant in variants.values() for name in variant.keys)
        hints = {name: hint for variant in variants.values() for name, hint in variant.hints.items()}
        return ChoiceShape(types.MappingProxyType(variants), tuple(keys), types.MappingProxyType(hints))
    return object_shape(hint)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)
