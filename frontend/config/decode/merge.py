"""Merging of trees: a file over its includes, a profile over a file. Pure."""

from __future__ import annotations

from frontend.config.syntax.nodes import Mapping, Node, Pair, Scalar, Sequence

from .shapes import ListShape, MapShape, ObjectShape, Shape


def merge(below: Node, above: Node, shape: Shape | None, *, join_lists: bool) -> Node:
    """Return `below` with `above` merged over it.

    Mappings are merged key by key, unless one key decides what the others mean, as in `base`. For all other values,
    `above` wins. With `join_lists`, a list has the items of both, those of `below` first, and each text only once,
    unless it has a meaning every time, as in `run`.
    """
    if isinstance(shape, MapShape) and shape.list_value is not None:
        below, above = _as_mapping(below), _as_mapping(above)
    if isinstance(below, Mapping) and isinstance(above, Mapping) and isinstance(shape, ObjectShape | MapShape):
        return _merged(below, above, shape, join_lists)
    if join_lists and isinstance(shape, ListShape):
        first, last = _items(below, shape), _items(above, shape)
        if first is not None and last is not None:
            known = set() if shape.repeats else {item.text for item in first if isinstance(item, Scalar)}
            new = (item for item in last if not (isinstance(item, Scalar) and item.text in known))
            return Sequence((*first, *new), above.range)
    return above


def find(root: Mapping, name: str) -> Pair | None:
    """Return a key of a mapping and its value."""
    return next((pair for pair in root.pairs if pair.key.text == name), None)


def without(root: Mapping, name: str) -> Mapping:
    """Return a mapping without one of its keys."""
    return root._replace(pairs=tuple(pair for pair in root.pairs if pair.key.text != name))


def _items(node: Node, shape: ListShape) -> tuple[Node, ...] | None:
    """Return the items of a list, however it is written; None for anything else."""
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Scalar) and (node.is_null or shape.single):
        return () if node.is_null else (node,)
    return None


def _merged(below: Mapping, above: Mapping, shape: ObjectShape | MapShape, join_lists: bool) -> Mapping:
    wins = {pair.key.text: pair for pair in above.pairs}
    pairs = []
    for pair in below.pairs:
        other = wins.pop(pair.key.text, None)
        if other is not None:
            value = merge(pair.value, other.value, _of(shape, pair.key.text), join_lists=join_lists)
            pair = Pair(other.key, value)
        pairs.append(pair)
    return Mapping((*pairs, *wins.values()), above.range)


def _of(shape: ObjectShape | MapShape, key: str) -> Shape | None:
    if isinstance(shape, MapShape):
        return shape.value
    field = shape.fields.get(key)
    return field.shape if field else None


def _as_mapping(node: Node) -> Node:
    """Return a list of names as the mapping that it stands for: each name is `true`."""
    if not isinstance(node, Sequence) or not all(isinstance(item, Scalar) for item in node.items):
        return node
    names = (item for item in node.items if isinstance(item, Scalar))
    return Mapping(tuple(Pair(name, Scalar("true", True, name.range)) for name in names), node.range)
