"""Modules of `spec` can say in an annotation what may be written, without importing the grammar."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, get_args, get_origin

import spec.values
from frontend.config.decode.shapes import GRAMMAR, ObjectShape, ScalarShape, object_shape
from spec.keys import key
from spec.values import kinds
from spec.values import sizes as size_type

if TYPE_CHECKING:
    from spec.values import sizes


def test_every_module_with_kinds_of_values_is_known() -> None:
    modules = [import_module(each.name) for each in pkgutil.iter_modules(spec.values.__path__, "spec.values.")]
    named = [each for each in modules if any(get_origin(value) is Annotated for value in vars(each).values())]
    assert sorted(GRAMMAR.values(), key=str) == sorted([*named, kinds], key=str)


@dataclass(frozen=True)
class Text:
    """A mapping with a name that the grammar has too; its keys have a kind with a name, and kinds of their own."""

    ram: sizes.Size = key("The memory.", "1G")  # noqa: RUF009 - a field of a dataclass
    serial: Annotated[str, kinds.Text("six digits", pattern="[0-9]{6}")] | None = key("A number.", "1", default=None)
    slot: Annotated[int, kinds.Number("a slot", least=0, most=3)] = key("A number.", "1", default=0)


@dataclass(frozen=True)
class Machine:
    """A mapping in a mapping."""

    text: Text = key("The text.", "{ram: 1G}")  # noqa: RUF009 - a field of a dataclass


def test_an_annotation_names_a_kind_or_is_one() -> None:
    shape = object_shape(Machine).fields["text"].shape
    assert isinstance(shape, ObjectShape)
    found = [field.shape.kind for field in shape.fields.values() if isinstance(field.shape, ScalarShape)]
    six, slot = kinds.Text("six digits", pattern="[0-9]{6}"), kinds.Number("a slot", least=0, most=3)
    assert found == [get_args(size_type.Size)[1], six, slot]


def test_what_chooses_a_class_is_a_key_of_it_or_a_word_of_its_own() -> None:
    """A word that is no key is written with `true`: there is one."""
    modules = [import_module(each.name) for each in pkgutil.iter_modules(spec.__path__, "spec.") if not each.ispkg]
    models = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and hasattr(each, "CHOSEN_BY")
    }
    assert len(models) > 30
    markers = {model.__name__: shape.marker for model in models if (shape := object_shape(model)).marker}
    assert markers == {"Directory": "directory"}
