"""Random requests: a build file, what it may include, and the options of its build."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from frontend.targets import TARGETS
from tests.support.build_files.changes import CHANGES, CHARACTERS, odd
from tests.support.build_files.pool import pool
from tests.support.build_files.trees import Items, Leaf, Pairs, Tree, written

INCLUDED = ("a.yaml", "b.yaml")


class Case(NamedTuple):
    """A build file, the files that it may include, and the options of its build."""

    text: bytes
    files: dict[str, bytes]
    options: dict[str, str]

    def environment(self) -> dict[str, str]:
        """Return the variables of the frontend's process."""
        options = {
            f"BUILDKIT_FRONTEND_OPT_{n}": f"{key}={value}" for n, (key, value) in enumerate(self.options.items())
        }
        return options | {"BUILDKIT_WORKERS": '[{"platforms": [{"architecture": "amd64", "os": "linux"}]}]'}


def make(random: Random) -> Case:
    """Return a case."""
    own = pool()
    if random.random() < 0.1:
        return Case(_spoilt(random, random.choice(own.texts), always=True), {}, _options(random, ()))
    tree: Tree = random.choice(own.right if random.random() < 0.8 else own.trees)
    for _ in range(min(int(random.expovariate(0.9)) + 1, 12)):
        tree = random.choice(CHANGES)(random, tree)
    files: dict[str, bytes] = {}
    names = [each.text for each in tree.parts[::2] if isinstance(each, Leaf)] if isinstance(tree, Pairs) else []
    if isinstance(tree, Pairs) and random.random() < 0.25:
        tree, files = _with_includes(random, tree)
    if isinstance(tree, Pairs) and random.random() < 0.2:
        tree = _with_profiles(random, tree)
    return Case(_spoilt(random, written(random, tree).encode(errors="replace")), files, _options(random, names))


def _with_includes(random: Random, tree: Pairs) -> tuple[Pairs, dict[str, bytes]]:
    """Move some keys into other files."""
    files: dict[str, bytes] = {}
    for name in INCLUDED[: random.randrange(1, 3)]:
        cut = 2 * random.randrange(len(tree.parts) // 2 + 1)
        part: Tree = Pairs(tree.parts[cut:])
        if random.random() < 0.3:
            part = random.choice(CHANGES)(random, random.choice((part, random.choice(pool().trees))))
        if random.random() < 0.7:
            tree = Pairs(tree.parts[:cut])
        if random.random() < 0.1 and isinstance(part, Pairs):
            part = Pairs((Leaf("include"), Leaf(random.choice(INCLUDED)), *part.parts))
        files[name] = _spoilt(random, written(random, part).encode(errors="replace"))
    listed = Items(tuple(Leaf(name) for name in (*files, *(["missing.yaml"] if random.random() < 0.05 else []))))
    return Pairs((Leaf("include"), listed, *tree.parts)), files


def _with_profiles(random: Random, tree: Pairs) -> Pairs:
    """Move some keys into a profile, or copy them there from another file."""
    cut = 2 * random.randrange(len(tree.parts) // 2 + 1)
    part = Pairs(random.choice((tree, random.choice(pool().trees))).parts[cut:])
    kept = tree.parts[:cut] if random.random() < 0.5 else tree.parts
    name = Leaf("dev") if random.random() < 0.9 else odd(random)
    return Pairs((Leaf("profiles"), Pairs((name, part)), *kept))


def _options(random: Random, names: tuple[str, ...] | list[str]) -> dict[str, str]:
    options = {"filename": "claylinux.yaml", "context:other": "local:other"}
    for name in ("A", "B", "VERSION"):
        if random.random() < 0.15:
            options[f"build-arg:{name}"] = random.choice((odd(random).text.replace("\0", ""), "1.0"))
    if "profiles" in names or random.random() < 0.1:
        options["build-arg:CLAYLINUX_PROFILE"] = random.choice(("dev", "small", "dev,dev"))
    if random.random() < 0.15:
        options["target"] = random.choice(TARGETS)
    if random.random() < 0.15:
        options["platform"] = random.choice(("linux/arm64", "linux/amd64,linux/arm64"))
    if random.random() < 0.08:
        options["requestid"] = f"frontend.{random.choice(('outline', 'lint', 'targets'))}"
    return options


def _spoilt(random: Random, text: bytes, *, always: bool = False) -> bytes:
    """Return the text, or one with other lines or bytes."""
    if not always and random.random() < 0.9:
        return text
    lines = text.split(b"\n")
    number = random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            lines.insert(number, random.choice(lines))
        case 1:
            lines.pop(number)
        case 2:
            lines[number] = b"  " + lines[number]
        case 3:
            lines[number] = lines[number][random.randrange(3) :]
        case 4:
            return text[: random.randrange(len(text) + 1)]
        case 5:
            cut = random.randrange(len(lines[number]) + 1)
            lines[number] = lines[number][:cut] + random.choice(CHARACTERS).encode() + lines[number][cut:]
        case _:
            cut = random.randrange(len(lines[number]) + 1)
            lines[number] = (
                lines[number][:cut] + random.choice(b"\n :-[]{},&*!|>'\"#%@`?~\t\xff").to_bytes(1) + lines[number][cut:]
            )
    return b"\n".join(lines)
