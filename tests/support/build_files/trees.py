"""A YAML file as a tree that is easy to change, and as text again. Immutable, so that files share what is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

_PLAIN = re.compile(r"[A-Za-z0-9_./$+=~^()*?@%-][A-Za-z0-9_./$+=~^()*?@%:\\-]*")
_FREE = re.compile(r"[\n\x20-\x7e\xa1-\xac]*\n")


class Leaf(NamedTuple):
    """A single value. `style`: quoted, plain, or an alias."""

    text: str
    style: str = "quoted"


class Items(NamedTuple):
    """A list."""

    parts: tuple[Tree, ...]
    anchor: str = ""


class Pairs(NamedTuple):
    """A mapping. `parts` are its keys and values in turn."""

    parts: tuple[Tree, ...]
    anchor: str = ""


Tree = Leaf | Items | Pairs
Path = tuple[int, ...]


def paths(tree: Tree) -> list[Path]:
    """Return the place of every node below `tree`, and of itself."""
    found: list[Path] = []
    todo: list[tuple[Path, Tree]] = [((), tree)]
    while todo:
        path, node = todo.pop()
        found.append(path)
        if not isinstance(node, Leaf):
            todo += [((*path, number), part) for number, part in enumerate(node.parts)]
    return found


def at(tree: Tree, path: Path) -> Tree:
    """Return the node at a place."""
    for number in path:
        assert not isinstance(tree, Leaf)
        tree = tree.parts[number]
    return tree


def put(tree: Tree, path: Path, node: Tree) -> Tree:
    """Return `tree` with another node at a place."""
    if not path:
        return node
    assert not isinstance(tree, Leaf)
    first, *rest = path
    parts = (*tree.parts[:first], put(tree.parts[first], tuple(rest), node), *tree.parts[first + 1 :])
    return tree._replace(parts=parts)


def cut(tree: Tree, path: Path) -> Tree:
    parent = at(tree, path[:-1])
    assert not isinstance(parent, Leaf)
    first = path[-1] - path[-1] % 2 if isinstance(parent, Pairs) else path[-1]
    size = 2 if isinstance(parent, Pairs) else 1
    return put(tree, path[:-1], parent._replace(parts=(*parent.parts[:first], *parent.parts[first + size :])))


def written(random: Random, tree: Tree) -> str:
    """Return a tree as YAML: in blocks, in brackets, or in both."""
    flow = random.choice((0.0, 0.3, 1.0))
    if isinstance(tree, Leaf) or not tree.parts:
        return _flow(tree) + "\n"
    return "".join(f"{line}\n" for line in _block(random, tree, flow))


def _block(random: Random, tree: Items | Pairs, flow: float) -> Iterator[str]:
    step = 2 if isinstance(tree, Pairs) else 1
    for number in range(0, len(tree.parts) - step + 1, step):
        node = tree.parts[number + step - 1]
        lead = f"{_key(tree.parts[number])}:" if isinstance(tree, Pairs) else "-"
        if isinstance(node, Leaf) and flow < 1 and _FREE.fullmatch(node.text) and not node.text.startswith((" ", "\n")):
            yield f"{lead} |" + ("" if not node.text.endswith("\n\n") else "+")
            yield from (f"  {line}" for line in node.text.split("\n")[:-1])
        elif isinstance(node, Leaf) or not node.parts or random.random() < flow:
            yield f"{lead} {_flow(node)}"
        else:
            yield f"{lead} &{node.anchor}" if node.anchor else lead
            yield from (f"  {line}" for line in _block(random, node, flow))


def _flow(node: Tree) -> str:
    match node:
        case Leaf(text, "alias"):
            return f"*{text} "
        case Leaf(text, style):
            return text if style == "plain" and _PLAIN.fullmatch(text) and not text.endswith(":") else _quoted(text)
        case Items(parts, anchor):
            return (f"&{anchor} " if anchor else "") + f"[{', '.join(map(_flow, parts))}]"
        case Pairs(parts, anchor):
            pairs = (f"{_key(key)}: {_flow(value)}" for key, value in zip(parts[::2], parts[1::2], strict=False))
            return (f"&{anchor} " if anchor else "") + f"{{{', '.join(pairs)}}}"


def _key(node: Tree) -> str:
    return _flow(node) if isinstance(node, Leaf) and len(node.text) < 100 else f"? {_flow(node)}\n"


def _quoted(text: str) -> str:
    return (
        '"'
        + "".join(each if each.isprintable() and each not in '"\\' else f"\\U{ord(each):08x}" for each in text)
        + '"'
    )
