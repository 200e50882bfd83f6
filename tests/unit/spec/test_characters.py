"""Characters that a value of one line does not have."""

from __future__ import annotations

import pytest

from spec.values.characters import unseen


@pytest.mark.parametrize(
    ("text", "allowed", "found"),
    [
        ("", "", ""),
        ("plain é", "", ""),
        ("a\tb\n", "", "\t"),
        ("a\tb\n", "\t", "\n"),
        ("a\tb", "\t", ""),
        ("a\u2028", "", "\u2028"),
    ],
)
def test_the_first_of_them(text: str, allowed: str, found: str) -> None:
    assert unseen(text, allowed) == found
