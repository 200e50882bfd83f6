"""Tree of nodes -> values of the model. Every problem is reported at its place; nothing here knows a single key.

Wrong items are left out and wrong values replaced by their default, so that the rest can be checked. So after a
problem, the result is for further checks only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.nodes import Mapping, Node, Pair, Scalar, Sequence, describe
from spec.positions import Path, Positions, Range
from spec.values.kinds import Kind, UnfitError
from spec.values.wording import code, listing, must_be, quote, suggest

from .interpolate import InterpolationError, Variables
from .shapes import ChoiceShape, FieldShape, ListShape, MapShape, ObjectShape, ScalarShape, Shape

_INVALID: Any = object()
"""Stands for a value that cannot be read, after its problem was reported."""


def decode(
    root: Node,
    shape: ObjectShape,
    problems: Collector,
    variables: Variables | None = None,
    *,
    incomplete: bool = False,
) -> tuple[Any, Positions]:
    """Return the instance of the model that `root` describes (None if it is unusable), and the places of its values.

    `variables` replace each `${...}`; without any, `$` has no meaning. `incomplete`: a part of `root` cannot be read,
    and may have the keys that are missing.
    """
    decoder = _Decoder(problems, variables, incomplete=incomplete)
    value = decoder.read(root, shape, ())
    positions = Positions(MappingProxyType(decoder.values), MappingProxyType(decoder.keys))
    return None if value is _INVALID else value, positions


def check(node: Node, field: FieldShape, problems: Collector) -> None:
    """Report what is wrong with the value of one key that is not decoded with the rest of its file."""
    _Decoder(problems, None, incomplete=False).read(node, field.shape, (field.name,), field.key.example)


class _Decoder:
    """One walk. `values` and `keys` are the positions of what was read, by its path in the result."""

    def __init__(self, problems: Collector, variables: Variables | None, *, incomplete: bool) -> None:
        self.values: dict[Path, Range] = {}
        self.keys: dict[Path, Range] = {}
        self._problems = problems
        self._variables = variables
        self._incomplete = incomplete

    def read(self, node: Node, shape: Shape, path: Path, example: str = "") -> Any:
        """Return the value of `node`. A message shows `example` if the value has the wrong type."""
        self.values[path] = node.range
        match shape:
            case ScalarShape():
                return self._scalar(node, shape.kind, path)
            case ListShape():
                return self._list(node, shape, path, example)
            case MapShape():
                return self._map(node, shape, path, example)
            case ObjectShape():
                return self._object(node, shape, path, example)
            case ChoiceShape():
                return self._choice(node, shape, path, example)

    def _report(self, place: Range, message: str, argument: str = "") -> Any:
        self._problems.add(place, message, argument)
        return _INVALID

    def _wrong(self, node: Node, path: Path, expected: str, example: str, hint: str = "") -> Any:
        shown = f" (for example `{example}`)" if example else ""
        return self._report(node.range, f"{_label(path)} must be {expected}{shown}; got {describe(node)}{hint}")

    def _scalar(self, node: Node, kind: Kind, path: Path) -> Any:
        if isinstance(node, Scalar) and not node.is_null and (node.plain or kind.quotable or "${" in node.text):
            variables = None if kind.literal else self._variables
            try:
                return kind.read(variables.expand(node.text) if variables else node.text)
            except ValueError as error:
                if variables and variables.excuse(node.text, error):
                    return _INVALID
                if isinstance(error, InterpolationError):
                    for each in error.mistakes:
                        self._report(node.place_of(each.at), f"{_label(path)}: {each.message}", each.argument)
                    return _INVALID
                colon = "" if isinstance(error, UnfitError) else ":"
                return self._report(node.range, f"{_label(path)}{colon} {error}")
        quoted = isinstance(node, Scalar) and not node.is_null
        got = "quoted text: remove the quotes" if quoted else describe(node)
        return self._report(node.range, f"{_label(path)} {must_be(kind.expected, kind.examples)}; got {got}")

    def _list(self, node: Node, shape: ListShape, path: Path, example: str) -> Any:
        items: tuple[Node, ...]
        if isinstance(node, Sequence):
            items = node.items
        elif isinstance(node, Scalar) and node.is_null:
            items = ()  # All items are commented out.
        elif isinstance(node, Scalar) and shape.single:
            items = (node,)
        else:
            dash = isinstance(node, Scalar) and node.plain and node.text.startswith("-")
            hint = ": write a space after the `-`" if dash else ""
            return self._wrong(node, path, "a list", _in_full(path, example), hint)
        if len(items) < shape.least:
            text = f"{_label(path)} is empty: add an item (for example `{_in_full(path, example)}`), or remove the key"
            return self._report(node.range, text)
        values: dict[Any, None] | list[Any] = {} if shape.unique else []
        for item in items:
            value = self.read(item, shape.item, (*path, len(values)))
            if value is _INVALID:
                continue
            if isinstance(values, list):
                values.append(value)
            elif value not in values:
                values[value] = None
            elif not self._problems.any_in(item.range):  # what is left of an item with a problem says nothing
                # Most mappings have no text of their own.
                shown = f" {quote(str(value))}" if str(value) != repr(value) else ""
                self._report(item.range, f"duplicate item{shown} in {_label(path)}: remove it")
        return tuple(values)

    def _map(self, node: Node, shape: MapShape, path: Path, example: str) -> Any:
        pairs: Iterable[tuple[Node, Node | None]]
        if isinstance(node, Mapping):
            pairs = node.pairs
        elif isinstance(node, Scalar) and node.is_null:
            pairs = ()
        elif isinstance(node, Sequence) and shape.list_value is not None:
            pairs = ((item, None) for item in node.items)
        else:
            kinds = "a mapping" if shape.list_value is None else "a list or a mapping"
            return self._wrong(node, path, kinds, _in_full(path, example))
        values: dict[str, Any] = {}
        for key_node, value_node in pairs:
            key = self._map_key(key_node, shape.key, path)
            if key is _INVALID:
                continue
            place = (*path, key)
            if key in values:
                first = self.keys[place].line_from(key_node.range)
                self._report(key_node.range, f"duplicate key {code(key)} (first on {first}): remove one of them")
                continue
            self.keys[place] = key_node.range
            if value_node is None:
                self.values[place] = key_node.range
            value = shape.list_value if value_node is None else self.read(value_node, shape.value, place)
            if value is not _INVALID:
                values[key] = value
        return MappingProxyType(values)

    def _map_key(self, node: Node, kind: Kind, path: Path) -> Any:
        """Return a key of a mapping whose keys the user chooses."""
        if isinstance(node, Scalar) and not node.is_null:
            try:
                return kind.read(node.text)
            except ValueError as error:
                if node.text.startswith("x-"):  # An extension, unless it fits as a key of this mapping.
                    return _INVALID
                colon = " " if isinstance(error, UnfitError) else ": "
                return self._report(node.range, f"a key of {_label(path)}{colon}{error}")
        expected = must_be(kind.expected, kind.examples)
        return self._report(node.range, f"a key of {_label(path)} {expected}; got {describe(node)}")

    def _object(self, node: Node, shape: ObjectShape, path: Path, example: str = "") -> Any:
        if isinstance(node, Scalar) and not node.is_null and shape.short:
            field = shape.fields[shape.short]
            value = self.read(node, field.shape, path)
            return value if value is _INVALID else shape.model(**{field.field: value})
        if isinstance(node, Mapping):
            return self._fields(node, shape, path, ())
        needed = [field.name for field in shape.fields.values() if field.required]
        if isinstance(node, Scalar) and node.is_null and not needed and path:
            return shape.model()
        if example:
            return self._wrong(node, path, "a mapping", _in_full(path, example))
        return self._wrong(node, path, shape.expected, shape.example)

    def _choice(self, node: Node, shape: ChoiceShape, path: Path, example: str) -> Any:
        if not isinstance(node, Mapping):
            if isinstance(node, Scalar) and not node.is_null and shape.short:
                return self._object(node, shape.short, path)
            return self._wrong(node, path, shape.expected, _in_full(path, example))
        chosen = [pair for pair in node.pairs if pair.key.text in shape.variants]
        if len(chosen) == 1:
            return self._fields(node, shape.variants[chosen[0].key.text], path, shape.keys)
        if chosen:
            names = listing((pair.key.text for pair in chosen), "and")
            text = f"{names} in {_label(path)} exclude each other: remove one of them"
            return self._report(chosen[1].key.range, text)
        strange = [pair for pair in node.pairs if pair.key.text not in shape.keys and not _is_free(pair)]
        for pair in strange:
            self._unknown(pair, shape, path)
        if not strange:
            self._report(node.range, f"{_label(path)} must have one of the keys {listing(shape.variants)}; got none")
        return _INVALID

    def _fields(self, node: Mapping, shape: ObjectShape, path: Path, known_elsewhere: tuple[str, ...]) -> Any:
        """Return the object that the keys of `node` describe. `known_elsewhere` are keys of its alternatives."""
        values: dict[str, Any] = {}
        meant: list[str | None] = []
        for pair in node.pairs:
            name, place = pair.key.text, (*path, pair.key.text)
            if name in shape.fields:
                self.keys[place] = pair.key.range
                values[name] = self._field(pair.value, shape.fields[name], place)
            elif name == shape.marker:
                self._marker(pair)
            elif name in known_elsewhere:
                text = f"{code(name)} cannot be combined with `{shape.chosen_by}`: remove one of them"
                self._report(pair.key.range, text)
            elif not _is_free(pair):
                meant.append(self._unknown(pair, shape, path))
        good = {name: value for name, value in values.items() if value is not _INVALID}
        for field in shape.fields.values():
            if not field.required or field.name in good:
                continue
            if field.name not in values and field.name not in meant and (path or not self._incomplete):
                where = f" in {_label(path)}" if path else ""
                example = f"`{field.name}: {field.key.example}`"
                self._report(node.range, f"missing key `{field.name}`{where}: add it (for example {example})")
            if field.key.stand_in is None:
                return _INVALID
            good[field.name] = field.key.stand_in
        return shape.model(**{shape.fields[name].field: value for name, value in good.items()})

    def _field(self, node: Node, field: FieldShape, path: Path) -> Any:
        if field.optional and isinstance(node, Scalar) and node.is_null and node.text:
            self.values[path] = node.range
            return None
        return self.read(node, field.shape, path, field.key.example)

    def _marker(self, pair: Pair) -> None:
        value = pair.value
        if not isinstance(value, Scalar) or value.text != "true" or not value.plain:
            self._report(value.range, f"{code(pair.key.text)} must be `true`; got {describe(value)}")

    def _unknown(self, pair: Pair, shape: ObjectShape | ChoiceShape, path: Path) -> str | None:
        """Report an unknown key; return the key that was probably meant."""
        name, known = pair.key.text, shape.keys
        hint = shape.hints.get(name) or shape.hints.get(name.replace("-", "_"), "")  # cloud-init takes both
        meant = (key for key in known if re.match(rf"write `{key}\b", hint))
        near = next(meant, None) if hint else suggest(name, known)
        hint = hint or (f"did you mean `{near}`?" if near else f"the keys here are {listing(known, 'and')}")
        where = f" in {_label(path)}" if path else ""
        self._report(pair.key.range, f"unknown key {code(name)}{where}: {hint}")
        return near


def _is_free(pair: Pair) -> bool:
    """Return whether the key is the user's own: `x-` keys hold anchors and notes."""
    return pair.key.text.startswith("x-")


def _key_of(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "")


def _in_full(path: Path, example: str) -> str:
    """Return the example of a key with the key itself."""
    return f"{_key_of(path)}: {example}" if example else ""


def _label(path: Path) -> str:
    """Return how a message names the value at `path`. Line and column say the rest."""
    if not path:
        return "the file"
    name = code(_key_of(path))
    return f"an item of {name}" if isinstance(path[-1], int) else name
