"""What random build files are made of: all that the repository has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from frontend.config import ConfigError, load
from frontend.config.decode.shapes import ChoiceShape, ListShape, MapShape, ObjectShape, Shape, object_shape
from frontend.config.syntax import nodes
from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.parse import parse
from frontend.config.syntax.text import read_text
from spec.document import Spec
from tests.support.build_files.trees import Items, Leaf, Pairs, Tree, at, paths
from tests.support.places import GOLDEN, ROOT


class Pool(NamedTuple):
    """What cases are made of: files as trees and as bytes, the values that keys have anywhere, all keys.

    Nothing is wrong with the trees in `right`.
    """

    trees: tuple[Pairs, ...]
    right: tuple[Pairs, ...]
    texts: tuple[bytes, ...]
    values: dict[str, tuple[Tree, ...]]
    keys: tuple[str, ...]


@cache
def pool() -> Pool:
    """Return everything that the repository has."""
    places = [*GOLDEN.rglob("*.yaml"), *(ROOT / "examples").rglob("*.yaml"), *(ROOT / "tests/fuzz/corpus").iterdir()]
    texts = tuple(each.read_bytes() for each in sorted(places))
    trees = tuple(tree for tree in map(_read, texts) if isinstance(tree, Pairs))
    values: dict[str, list[Tree]] = {}
    for name, example in sorted(set(_examples(object_shape(Spec)))):
        values.setdefault(name, []).append(_read(example.encode()) or Leaf(example))
    for tree in trees:
        for path in paths(tree):
            parent = at(tree, path[:-1])
            if isinstance(parent, Pairs) and path and path[-1] % 2:
                key = parent.parts[path[-1] - 1]
                values.setdefault(key.text if isinstance(key, Leaf) else "", []).append(at(tree, path))
    right = tuple(tree for tree in (_read(text) for text in texts if _is_right(text)) if isinstance(tree, Pairs))
    return Pool(trees, right, texts, {name: tuple(found) for name, found in values.items()}, tuple(sorted(values)))


def _is_right(text: bytes) -> bool:
    try:
        load(text, "", read=lambda _: b"{}")
    except ConfigError:
        return False
    return True


def _examples(shape: Shape) -> Iterator[tuple[str, str]]:
    match shape:
        case ListShape(item=inner) | MapShape(value=inner):
            yield from _examples(inner)
        case ChoiceShape(variants=variants):
            for each in variants.values():
                yield from _examples(each)
        case ObjectShape(fields=fields):
            for field in fields.values():
                yield field.name, field.key.example
                yield from _examples(field.shape)
        case _:
            pass


def _read(text: bytes) -> Tree | None:
    problems = Collector()
    decoded = read_text(text, problems)
    root = None if decoded is None else parse(decoded, problems)
    return None if root is None else _tree(root)


def _tree(node: nodes.Node) -> Tree:
    match node:
        case nodes.Scalar():
            return Leaf(node.text, "plain" if node.plain else "quoted")
        case nodes.Sequence():
            return Items(tuple(map(_tree, node.items)))
        case nodes.Mapping():
            return Pairs(tuple(_tree(each) for pair in node.pairs for each in pair))
