"""Random changes of a tree.

Most of them keep the rest of a file right, so that every part of the frontend is reached: keys get values of other
files, values get odd texts, subtrees move.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.support.build_files.pool import pool
from tests.support.build_files.trees import Items, Leaf, Pairs, Path, Tree, at, cut, paths, put

CHARACTERS = (
    "\0\a\b\t\n\v\f\r\x1b\x1c\x1d\x1e\x1f\x7f\x85\x9b\xa0\xad\u061c\u200b\u200d\u200e\u2028\u2029\u202e\u2066\ufeff"
)
"""Those that something between a terminal and a shell takes for more than a letter."""
_WORDS = r"""
    ~ null true false yes 0 -1 1.10 0644 0o7777 1e3 inf 0x1f 1:30 ² 1_000 * ** ? [a [z-a] {{ é 𝄞 ﬀ İ -x -rf -- x-y
    << = a=b a=b,c , : / // /. /.. ../x /proc/x /etc/passwd /etc/shadow /usr /a/b/c ./x.deb ./ %s%n % \ " ' '" `id`
    $(id) $HOME ${ ${} ${A} ${A:-} ${A:+${B}} $${A} ${NO} http:// http://[ https://a:b@c/ https://x:99999/
    https://x/é git@x:y ssh://x/y#: @sha256:0 10.0.0.1 10.0.0.1/99 10.0.0.1/8 :: ::1 fe80::1%eth0 fe80::1% ::/0
    default LABEL= UUID=x nas:/x tmpfs bind type=bind,target=/x type=cache type=secret,id=a
    type=tmpfs,target=/x,size=99T type="bind 64M 50% 101% 1K 99999999999999T zstd:99 xz:9 none host root 0:0
    4294967295 $6$x debian alpine alpine:3.20 linux/amd64 linux/s390x raw iso image all auto net en* /bin/true
"""
_ODD = (
    *_WORDS.split(),
    *("", " ", " a ", "a\nb", "a\n" * 300, "a" * 70, "a" * 5000, "9" * 30, "9" * 400, "${" * 20, "${A:?a\nb}"),
    *("a@sha256:" + "0" * 64, "LABEL=a b", "ssh-ed25519 AAAA", "/bin/sh -c 'x"),
)


def _node(random: Random, tree: Tree) -> tuple[Path, Tree]:
    path = random.choice(paths(tree))
    return path, at(tree, path)


def odd(random: Random) -> Leaf:
    """Return a value that is hardly ever right."""
    text = random.choice(_ODD)
    if random.random() < 0.2:
        cut = random.randrange(len(text) + 1)
        text = text[:cut] + random.choice(CHARACTERS) + text[cut:]
    return Leaf(text, random.choice(("plain", "quoted")))


def _replace(random: Random, tree: Tree) -> Tree:
    return put(tree, random.choice(paths(tree)), odd(random))


def _embed(random: Random, tree: Tree) -> Tree:
    """Put a character into a text that was right."""
    path, node = _node(random, tree)
    if not isinstance(node, Leaf):
        return tree
    cut = random.randrange(len(node.text) + 1)
    return put(tree, path, Leaf(node.text[:cut] + random.choice(CHARACTERS) + node.text[cut:]))


def _splice(random: Random, tree: Tree) -> Tree:
    """Give a key the value that it has elsewhere, or any value that anything has."""
    path, _ = _node(random, tree)
    own = pool()
    parent = at(tree, path[:-1])
    name = random.choice(own.keys)
    if path and isinstance(parent, Pairs) and path[-1] % 2 and random.random() < 0.7:
        key = parent.parts[path[-1] - 1]
        name = key.text if isinstance(key, Leaf) and key.text in own.values else name
    return put(tree, path, random.choice(own.values[name]))


def _insert(random: Random, tree: Tree) -> Tree:
    """Add a key with one of its values, or an item."""
    path, node = _node(random, tree)
    own = pool()
    if isinstance(node, Leaf):
        return tree
    name = random.choice(own.keys)
    value = random.choice(own.values[name])
    more = (Leaf(name, "plain"), value) if isinstance(node, Pairs) else (value,)
    return put(tree, path, node._replace(parts=(*more, *node.parts)))


def _delete(random: Random, tree: Tree) -> Tree:
    path, _ = _node(random, tree)
    return cut(tree, path) if path else Leaf("")


def _duplicate(random: Random, tree: Tree) -> Tree:
    path, node = _node(random, tree)
    if isinstance(node, Leaf):
        return tree
    size = random.choice((1, 1, 1, 30))
    return put(tree, path, node._replace(parts=node.parts + node.parts[: 2 * random.randrange(1, 3)] * size))


def _move(random: Random, tree: Tree) -> Tree:
    path, node = _node(random, tree)
    if not path:
        return tree
    left = cut(tree, path)
    return put(left, random.choice(paths(left)), node)


def _swap(random: Random, tree: Tree) -> Tree:
    """Make a value of another type of the same content."""
    path, node = _node(random, tree)
    if isinstance(node, Leaf):
        made: Tree = random.choice(
            (Items((node,)), Items(()), Pairs((node, node)), Pairs((Leaf("source"), node)), Pairs(()))
        )
    elif isinstance(node, Items):
        pairs = Pairs(tuple(each for part in node.parts for each in (part, Leaf("true", "plain"))))
        made = random.choice((pairs, node.parts[0] if node.parts else Leaf("")))
    else:
        made = random.choice(
            (
                Items(node.parts),
                Items(node.parts[::2]),
                Items(tuple(Pairs(node.parts[n : n + 2]) for n in range(0, len(node.parts), 2))),
            )
        )
    return put(tree, path, made)


def _nest(random: Random, tree: Tree) -> Tree:
    path, node = _node(random, tree)
    key = Leaf(random.choice(pool().keys), "plain")
    for _ in range(random.choice((1, 2, 70))):
        node = Items((node,)) if random.random() < 0.5 else Pairs((key, node))
    return put(tree, path, node)


def _alias(random: Random, tree: Tree) -> Tree:
    """Let an alias stand for one of the trees, and for the same content elsewhere."""
    path, node = _node(random, tree)
    if isinstance(node, Leaf):
        return tree
    name = random.choice("abc")
    tree = put(tree, path, node._replace(anchor=name))
    target = random.choice(paths(tree))
    merged = Pairs((Leaf("<<", "plain"), Leaf(name, "alias")))
    return put(tree, target, random.choice((Leaf(name, "alias"), merged))) if target else tree


def _argument(random: Random, tree: Tree) -> Tree:
    """Replace a value by an argument with this value, declared or not."""
    path, node = _node(random, tree)
    if not isinstance(node, Leaf) or not isinstance(tree, Pairs):
        return tree
    name = random.choice(("A", "B", "TARGETARCH", "VERSION"))
    word = random.choice(
        (f"${{{name}}}", f"${{{name}:-{node.text}}}", f"a${{{name}:+{node.text}}}", f"${{{name}:?{node.text}}}")
    )
    tree = put(tree, path, Leaf(word, random.choice(("plain", "quoted"))))
    assert isinstance(tree, Pairs | Leaf)
    if isinstance(tree, Leaf) or random.random() < 0.2:
        return tree
    value = random.choice((node, odd(random), Leaf("${A}${B:-x}")))
    return tree._replace(parts=(Leaf("args", "plain"), Pairs((Leaf(name, "plain"), value)), *tree.parts))


CHANGES: tuple[Callable[[Random, Tree], Tree], ...] = (
    _replace, _replace, _embed, _splice, _splice, _splice, _insert, _insert, _delete, _duplicate, _move, _swap, _nest,
    _alias, _argument, _argument,
)  # fmt: skip
