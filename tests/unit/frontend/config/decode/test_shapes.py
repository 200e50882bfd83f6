"""Modules of `spec` can say in an annotation what may be written, without importing the grammar."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, get_origin

import spec.values
from frontend.config.decode.shapes import GRAMMAR, ScalarShape, object_shape
from spec.keys import key

if TYPE_CHECKING:
    from spec.values import sizes
    from spec.values.kinds import Number, Text


def test_every_module_with_kinds_of_values_is_known() -> None:
    modules = [import_module(each.name) for each in pkgutil.iter_modules(spec.values.__path__, "spec.values.")]
    kinds = [each for each in modules if any(get_origin(value) is Annotated for value in vars(each).values())]
    assert sorted(GRAMMAR.values(), key=str) == sorted(kinds, key=str)


@dataclass(frozen=True)
class Machine:
    """Keys with a kind from a module, and with kinds of their own."""

    ram: sizes.Size = key("The memory.", "1G")  # noqa: RUF009 - a field of a dataclass
    serial: Annotated[str, Text("six digits", ("012345",), pattern="[0-9]{6}")] | None = key(
        "A number.", "1", default=None
    )
    slot: Annotated[int, Number("a slot", least=0, most=3)] = key("A number.", "1", default=0)


def test_an_annotation_names_a_kind_or_is_one() -> None:
    shapes = [field.shape for field in object_shape(Machine).fields.values()]
    kinds = [shape.kind.expected for shape in shapes if isinstance(shape, ScalarShape)]
    assert kinds == [
        "a whole number above 0, optionally with the unit K, M, G or T",
        "six digits",
        "a slot from 0 to 3",
    ]
