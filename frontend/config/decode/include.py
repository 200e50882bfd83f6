"""`include`: merges other files below this one. The caller knows where their bytes come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.nodes import Mapping, Node, Pair, Scalar, Sequence, describe
from frontend.config.syntax.parse import parse
from frontend.config.syntax.text import read_text
from spec.positions import Range
from spec.values.kinds import Kind
from spec.values.wording import code

from .decoder import check
from .merge import find, merge, without
from .shapes import ListShape, ObjectShape, ScalarShape

Reader = Callable[[str], bytes | None]
"""Returns the content of a file of the build context; None if it does not exist."""
_DEPTH = 8
_FILES, _BYTES, _VALUES = 100, 4 << 20, 100_000
"""What may be included altogether; a file that is included twice counts twice."""


class Included(NamedTuple):
    """A file merged over everything that it includes. `incomplete`: a part of it cannot be read."""

    root: Mapping
    incomplete: bool = False


class _Budget:
    """What a build file may still include, however its includes are arranged."""

    def __init__(self) -> None:
        self.exceeded = False
        self._files, self._bytes, self._values = _FILES, _BYTES, _VALUES

    def take(self, item: Scalar, problems: Collector, *, files: int = 0, size: int = 0, values: int = 0) -> bool:
        """Return whether it allows this, too. The first time that it does not, report it at `item`."""
        self._files, self._bytes, self._values = self._files - files, self._bytes - size, self._values - values
        if min(self._files, self._bytes, self._values) >= 0:
            return True
        if not self.exceeded:
            text = f"a build file can include at most {_FILES} files with {_BYTES:,} bytes and {_VALUES:,} values"
            problems.add(item.range, f"{text} in all; a file that is included twice counts twice")
        self.exceeded = True
        return False


def with_includes(root: Mapping, shape: ObjectShape, read: Reader | None, problems: Collector) -> Included:
    """Return `root` merged over everything that it includes. Problems in other files have their names."""
    if find(root, "include") is None:
        return Included(root)
    return _over_includes(root, shape, read or (lambda _: None), problems, _Budget(), ())


def _over_includes(
    root: Mapping, shape: ObjectShape, read: Reader, problems: Collector, budget: _Budget, chain: tuple[str, ...]
) -> Included:
    included = find(root, "include")
    if included is None:
        return Included(root)
    if chain:  # Below the build file, nothing else decodes this key.
        check(included.value, shape.fields["include"], problems)
    below: Node | None = None
    incomplete = False
    for item in _items(included.value):
        one = None if budget.exceeded else _load(item, shape, read, problems, budget, chain)
        incomplete |= one is None or one.incomplete
        if one is not None:
            below = one.root if below is None else merge(below, one.root, shape, join_lists=True)
    whole = root if below is None else merge(below, root, shape, join_lists=True)
    assert isinstance(whole, Mapping)
    return Included(whole, incomplete)


def _path_kind(shape: ObjectShape) -> Kind:
    listed = shape.fields["include"].shape
    assert isinstance(listed, ListShape)
    assert isinstance(listed.item, ScalarShape)
    return listed.item.kind


def _items(node: Node) -> tuple[Scalar, ...]:
    """Return the paths. All other items are reported with the list."""
    nodes = node.items if isinstance(node, Sequence) else (node,)
    return tuple(each for each in nodes if isinstance(each, Scalar) and each.text)


def _load(
    item: Scalar, shape: ObjectShape, read: Reader, problems: Collector, budget: _Budget, chain: tuple[str, ...]
) -> Included | None:
    try:
        path = str(_path_kind(shape).read(item.text))
    except ValueError:
        return None  # It is reported with the rest of the list.
    if path in chain:
        problems.add(item.range, f"include cycle {' -> '.join((*chain, path))}: a file must not include itself")
        return None
    if len(chain) >= _DEPTH:
        problems.add(item.range, f"includes can be nested at most {_DEPTH} levels deep")
        return None
    if not budget.take(item, problems, files=1):
        return None
    data = read(path)
    if data is None:
        problems.add(
            item.range,
            f"{code(path)} is not in the build context: check the name, and whether .dockerignore excludes it",
        )
        return None
    if not budget.take(item, problems, size=len(data)):
        return None
    own = Collector()
    text = read_text(data, own)
    node = None if text is None else parse(text, own)
    for found in own.sorted():
        problems.add(found.range._replace(file=path), found.message)
    if node is None:
        return None
    if not isinstance(node, Mapping):
        text = f"an included file must be a mapping (for example `packages: [nginx]`); got {describe(node)}"
        problems.add(node.range._replace(file=path), text)
        return None
    if not budget.take(item, problems, values=_count(node)):
        return None
    stamped = _stamped(node, path)
    assert isinstance(stamped, Mapping)
    inner = _over_includes(stamped, shape, read, problems, budget, (*chain, path))
    return inner._replace(root=without(inner.root, "include"))


def _count(node: Node) -> int:
    match node:
        case Sequence(items):
            return 1 + sum(map(_count, items))
        case Mapping(pairs):
            return 1 + sum(1 + _count(pair.value) for pair in pairs)
        case _:
            return 1


def _stamped(node: Node, file: str) -> Node:
    """Return the same tree with the name of its file in all ranges."""

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
