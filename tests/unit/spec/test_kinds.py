"""The kinds of single values: their examples fit them, and what a message says about a wrong text is true."""

from __future__ import annotations

import contextlib
import pkgutil
import re
from importlib import import_module
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec import values
from spec.values.kinds import Kind, Number, Text, UnfitError
from spec.values.slips import broken_rule

MODULES = tuple(import_module(module.name) for module in pkgutil.iter_modules(values.__path__, "spec.values."))
KINDS: dict[str, Kind] = {
    name: kind
    for module in MODULES
    for name, annotated in vars(module).items()
    if get_args(annotated)
    for kind in get_args(annotated)[1:]
    if isinstance(kind, Text | Number)
}
PATTERNS = {name: kind.pattern for name, kind in KINDS.items() if isinstance(kind, Text) and kind.pattern}
CUT = {"SshKey"}
"""A whole key would not be readable in a message."""


LONG = {"Content", "Script"}
"""Texts of several lines."""


def test_there_are_kinds() -> None:
    assert len(KINDS) >= 50


@pytest.mark.parametrize("name", sorted(KINDS.keys() - CUT))
def test_examples_fit(name: str) -> None:
    kind = KINDS[name]
    for example in (*kind.examples, *(kind.choices if isinstance(kind, Text) else ())):
        kind.read(example)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_no_line_end_gets_into_a_value_of_one_line(name: str) -> None:
    """Such a value is a part of a line of some file, whose reader would see a second line."""
    kind = KINDS[name]
    if not isinstance(kind, Text):
        return
    taken = set()
    for example in kind.examples or ("a",):
        for text in ("\n", f"{example}\n", f"\n{example}", f"{example}\na", f"a\n{example}"):
            with contextlib.suppress(ValueError, UnfitError):
                kind.read(text)
                taken.add(name)
    assert bool(taken) == (name in LONG)


def test_a_pattern_for_interfaces_does_not_mean_all_others() -> None:
    """systemd reads `!en*` so."""
    kind = KINDS["InterfaceGlob"]
    assert kind.read("en*!") == "en*!"
    with pytest.raises(UnfitError, match=r"it must not start with `!`"):
        kind.read("!en*")


@pytest.mark.parametrize("operator", ["|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"])
def test_a_command_line_is_for_no_shell(operator: str) -> None:
    with pytest.raises(ValueError, match=f"`{re.escape(operator)}` would be an argument"):
        KINDS["CommandLine"].read(f"/bin/a {operator} b")
    assert KINDS["CommandLine"].read(f"/bin/a b{operator}") == ("/bin/a", f"b{operator}")


@pytest.mark.parametrize("meant", ["true", "false"])
def test_other_words_for_a_switch_are_explained(meant: str) -> None:
    words = {"true": ("yes", "on", "enabled"), "false": ("no", "off", "disabled")}[meant]
    for word in words:
        with pytest.raises(UnfitError, match=f"write `{meant}`$"):
            KINDS["ServiceStart"].read(word)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_expected_value_is_a_noun_phrase(name: str) -> None:
    expected = KINDS[name].expected
    assert not expected.endswith(".") and "such as" not in expected and "for example" not in expected
    assert not expected[0].isupper() or expected.startswith("USER")


@pytest.mark.slow
@given(st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_rule_that_is_told_holds_for_every_text_that_fits(data: st.DataObject) -> None:
    pattern = PATTERNS[data.draw(st.sampled_from(sorted(PATTERNS)))]

    def fits(text: str) -> bool:
        return re.fullmatch(pattern, text) is not None

    right = data.draw(st.from_regex(pattern, fullmatch=True))[:30]
    place = data.draw(st.integers(0, len(right)))
    wrong = right[:place] + data.draw(st.sampled_from([*" -_.,:/!#A1\u00e9", "..", "//", "==", "1A"])) + right[place:]
    rule = "" if fits(wrong) else broken_rule(wrong, pattern)
    other = data.draw(st.from_regex(pattern, fullmatch=True))
    # How a text may end can depend on how it starts.
    if found := re.fullmatch(r"it must not (start with|contain) (a space|`(.+)`)", rule):
        character = " " if found[2] == "a space" else found[3]
        broken = other.startswith(character) if found[1] == "start with" else character in other
        assert not broken, (pattern, wrong, rule, other)
    elif rule.startswith("write it in lower case"):
        assert fits(wrong.lower())


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("Name", "-edge", "it must not start with `-`"),
        ("Name", "Edge", "write it in lower case: `edge`"),
        ("HostName", "web-", "it must not end with `-`"),
        ("DomainName", "example..org", "it must not contain `..`"),
        ("HostName", "a-.b", ""),
        ("Package", "nginx php", "it must not contain a space"),
        ("OwnerName", "99999999999", ""),
        ("Compression", "zstd:23", ""),
        ("Size", "1.5G", "it must not contain `.`"),
        ("Size", "64MM", ""),
        ("Url", "https:///x", ""),
        ("UserNumber", "0042", "write 42"),
    ],
)
def test_what_is_told(name: str, text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        KINDS[name].read(text)
    assert str(caught.value).partition(f'; got "{text}"')[2].removeprefix(": ") == hint
