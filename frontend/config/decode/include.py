"""`include`: other files below this one. Where their bytes come from, the caller knows."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.nodes import Mapping, Node, Pair, Scalar, Sequence
from frontend.config.syntax.parse import parse
from frontend.config.syntax.text import read_text
from spec.positions import Range
from spec.values.wording import quote

from .merge import find, over
from .shapes import ObjectShape

Reader = Callable[[str], bytes | None]
"""Gives the content of a file in the build context by its path; None where there is no such file."""
_DEPTH = 8


def with_includes(root: Mapping, shape: ObjectShape, read: Reader | None, problems: Collector) -> Mapping:
    """Return `root` over everything that it includes; problems in other files are told with their names."""
    if find(root, "include") is None:
        return root
    return _over_includes(root, shape, read or (lambda _: None), problems, ())


def _over_includes(
    root: Mapping, shape: ObjectShape, read: Reader, problems: Collector, chain: tuple[str, ...]
) -> Mapping:
    included = find(root, "include")
    if included is None:
        return root
    below: Node | None = None
    for item in _items(included.value):
        one = _load(item, shape, read, problems, chain)
        if one is not None:
            below = one if below is None else over(below, one, shape, join_lists=True)
    whole = root if below is None else over(below, root, shape, join_lists=True)
    assert isinstance(whole, Mapping)
    return whole


def _items(node: Node) -> tuple[Scalar, ...]:
    """Return the paths; what else is there is told when the key is decoded."""
    nodes = node.items if isinstance(node, Sequence) else (node,)
    return tuple(each for each in nodes if isinstance(each, Scalar) and each.text)


def _load(
    item: Scalar, shape: ObjectShape, read: Reader, problems: Collector, chain: tuple[str, ...]
) -> Mapping | None:
    if ".." in item.text.split("/"):
        return None  # told when the key is decoded
    path = posixpath.normpath(item.text.strip("/") or ".")  # as with all paths in a build context
    if path in chain:
        problems.add(item.range, f"{' includes '.join((*chain, path))}: a circle")
        return None
    if len(chain) >= _DEPTH:
        problems.add(item.range, f"more than {_DEPTH} files include each other")
        return None
    data = read(path)
    if data is None:
        problems.add(item.range, f"{quote(path)} is not in the build context; is the name right, "
                                 "and does .dockerignore let it through?")  # fmt: skip
        return None
    own = Collector()
    text = read_text(data, own)
    node = None if text is None else parse(text, own)
    for found in own.sorted():
        problems.add(found.range._replace(file=path), found.message)
    if node is None:
        return None
    if not isinstance(node, Mapping):
        problems.add(node.range._replace(file=path), "an included file is made of keys such as `packages: [nginx]`")
        return None
    stamped = _stamped(node, path)
    assert isinstance(stamped, Mapping)
    inner = _over_includes(stamped, shape, read, problems, (*chain, path))
    return inner._replace(pairs=tuple(pair for pair in inner.pairs if pair.key.text != "include"))


def _stamped(node: Node, file: str) -> Node:
    """Return a tree whose ranges say which file they are in."""

    def place(where: Range) -> Range:
        return where._replace(file=file)

    match node:
        case Scalar():
            return node._replace(range=place(node.range))
        case Sequence(items):
            return Sequence(tuple(_stamped(item, file) for item in items), place(node.range))
        case Mapping(pairs):
            stamped = tuple(
                Pair(pair.key._replace(range=place(pair.key.range)), _stamped(pair.value, file)) for pair in pairs
            )
            return Mapping(stamped, place(node.range))
