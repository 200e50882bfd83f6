"""Where a pattern of a stranger meets a text of a stranger, the time grows with the length of the text, not faster.

Python's own expressions try every way to share a text among the parts of a pattern. So patterns that somebody else
wrote go through `imager.core.patterns`, and our own, which are constants, have one way only.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

from imager.core import patterns

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("claylinux", "frontend", "imager", "llb", "spec")
DOOR = "imager/core/patterns.py"
OF_RE = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
OTHER_MATCHERS = {"fnmatch", "glob", "regex", "re2"}
OURS = {
    ("frontend/config/decode/decoder.py", "f'write `{key}\\\\b'"): "a key of the language",
    ("imager/kernel/microcode.py", "vendor.part"): "a table of the file",
    ("imager/rootfs/identities.py", "rule.names"): "a table of the file",
    ("imager/rootfs/osrelease.py", "f'^{key}=.*\\\\n?'"): "a key of `os_release`, which has capitals and digits",
    ("imager/rootfs/seal.py", "rule.names"): "the table of identities.py",
    ("imager/rootfs/systemd_start.py", "b'(?<![\\\\w-])' + re.escape(words)"): "escaped",
    ("spec/credentials.py", "_HASH"): "joined constants",
    ("spec/credentials.py", "_KEY"): "joined constants",
    ("spec/values/kinds.py", "self.pattern"): "of a kind of value",
    ("spec/values/slips.py", "pattern"): "of a kind of value",
}
"""What is no constant, and who wrote it."""
LONG = 24
"""So many parts of a text can be shared out in millions of ways."""
SECONDS = 0.1


def modules(*words: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules of the product with one of these words."""
    for top in PRODUCT:
        for path in sorted((ROOT / top).rglob("*.py")):
            text = path.read_text()
            if any(word in text for word in words):
                yield str(path.relative_to(ROOT)), ast.parse(text)


def constants(module: ast.Module) -> set[str]:
    """Return the names that a module sets to constants."""
    imported = [each for each in module.body if isinstance(each, ast.ImportFrom)]
    found = {alias.name for each in imported for alias in each.names if alias.name.isupper()}
    for each in module.body:
        match each:
            case ast.Assign([ast.Name(name)], value) if is_constant(value, found):
                found.add(name)
            case _:
                pass
    return found


def is_constant(node: ast.expr, names: set[str]) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.Name(name):
            return name in names
        case ast.JoinedStr(values):
            return all(is_constant(each, names) for each in values)
        case ast.FormattedValue(value):
            return is_constant(value, names)
        case ast.BinOp(left, ast.Add() | ast.Mod(), right):
            return is_constant(left, names) and is_constant(right, names)
        case _:
            return False


def test_expressions_are_constants() -> None:
    found = set()
    for path, module in modules("import re"):
        names = constants(module)
        for node in ast.walk(module):
            match node:
                case ast.Call(ast.Attribute(ast.Name("re"), name), [pattern, *_]) if name in OF_RE:
                    if not is_constant(pattern, names):
                        found.add((path, ast.unparse(pattern)))
                case _:
                    pass
    assert found - set(OURS) == {each for each in found if each[0] == DOOR}, "use imager.core.patterns for these"
    assert set(OURS) <= found, "the table has what is no longer there"


def test_nothing_else_matches_patterns() -> None:
    found = {
        (path, name)
        for path, module in modules(*OTHER_MATCHERS)
        for node in ast.walk(module)
        for name in imported(node)
        if name.partition(".")[0] in OTHER_MATCHERS
    }
    assert found == set()


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names):
            return [each.name for each in names]
        case ast.ImportFrom(str(name), [*_]):
            return [name]
        case _:
            return []


def nested(tree: parser.SubPattern, *, within: bool = False) -> bool:
    """Return whether a repeat without end is in another one, so that a text may be shared out in many ways."""
    for what, value in tree:
        match what, value:
            case ((op.MAX_REPEAT | op.MIN_REPEAT), (_, most, below)):
                endless = most > LONG
                if (endless and within) or nested(below, within=within or endless):
                    return True
            case op.SUBPATTERN, (*_, below):
                if nested(below, within=within):
                    return True
            case op.BRANCH, (_, branches):
                if any(nested(each, within=within) for each in branches):
                    return True
            case _:
                pass
    return False


def suspects() -> Iterator[str | bytes]:
    """Yield the constants that are expressions with a repeat in a repeat."""
    repeats = {f"{each}{other}" for each in (")", "]+)", "}") for other in "*+{"}
    for _, module in modules(*repeats):
        for node in ast.walk(module):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str | bytes) and any(each in str(value) for each in repeats):
                try:
                    tree = parser.parse(value)
                except (re.error, OverflowError):
                    continue
                if nested(tree):
                    yield value


def seconds(expression: str, text: str) -> float:
    start = time.process_time()
    re.fullmatch(expression, text)
    return time.process_time() - start


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_our_own_expressions_have_one_way_to_match() -> None:
    assert seconds("(a|aa)+", "a" * LONG + "!") > seconds("a+", "a" * LONG + "!")
    found = set(suspects())
    assert len(found) > 5
    parts = [*"aA0.-_/:,=", *("".join(each) for each in product("a0", "._-/:="))]
    for expression in found:
        text = expression.decode() if isinstance(expression, bytes) else expression
        for start, part in product(("", "a", "/", "a/", "a:"), parts):
            assert seconds(text, start + part * LONG + "\n") < SECONDS, (text, start, part)


@pytest.mark.parametrize("matcher", [patterns.name_matcher, patterns.text_matcher, patterns.path_matcher])
def test_patterns_of_strangers_have_one_way_to_match(matcher: Callable[[str], patterns.Matcher]) -> None:
    matches = matcher("*a" * 25)
    start = time.process_time()
    assert matches("a" * 5000)
    assert not matches("a" * 5000 + "!")
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("[abe]", "abe", "cd]-"),
        ("[a-c]", "abc", "d-"),
        ("[a-c-f]", "abc-f", "de"),
        ("[ac-]", "ac-", "b"),
        ("[-ac]", "-ac", "b"),
        ("[!abe]", "cd-", "abe/"),
        ("[^a]", "^a", "b"),
        ("[c-a]", "", "abc-"),
    ],
)
def test_sets_of_letters(pattern: str, names: str, others: str) -> None:
    matches = patterns.name_matcher(pattern)
    assert [each for each in names + others if matches(each)] == [*names]


def test_a_slash_is_a_letter_in_a_line() -> None:
    assert patterns.text_matcher("of:N*Cti,a/b*")("of:NxTyCti,a/b/c")
    assert not patterns.text_matcher("of:N?")("of:N")
    assert patterns.text_matcher("a?b")("a/b") and not patterns.name_matcher("a?b")("a/b")
