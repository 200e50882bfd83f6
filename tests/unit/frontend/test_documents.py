"""Documents of build steps are what they should be, or are refused with the place of the first difference."""

from __future__ import annotations

import json

import pytest

from frontend.documents import NONE, read
from frontend.errors import AnswerError

SHAPE = {"a": int, "b?": (str, NONE), "c?": [{"d": {"*": [str]}}], "e?": [str, int]}


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1},
        {"a": -1, "b": None, "other": [1]},
        {"a": 0, "b": "x", "c": [], "e": ["x", 2]},
        {"a": 0, "c": [{"d": {}}, {"d": {"any": ["x", "y"], "more": []}}]},
    ],
)
def test_what_fits_is_read(value: object) -> None:
    assert read(json.dumps(value).encode(), "it", SHAPE) == value


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], ""),
        ({}, ".a"),
        ({"a": True}, ".a"),
        ({"a": 1.5}, ".a"),
        ({"a": 1, "b": 2}, ".b"),
        ({"a": 1, "b": "x\0"}, ".b"),
        ({"a": 1, "c": {}}, ".c"),
        ({"a": 1, "c": [{"d": {}}, {}]}, ".c[1].d"),
        ({"a": 1, "c": [{"d": {"any": ["x", None]}}]}, ".c[0].d.any[1]"),
        ({"a": 1, "e": ["x"]}, ".e"),
        ({"a": 1, "e": ["x", "y"]}, ".e[1]"),
    ],
)
def test_what_does_not_fit_is_told(value: object, place: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read(json.dumps(value).encode(), "the report", SHAPE)
    shown = f" at {place}" if place else ""
    assert str(caught.value).endswith(f"makes no sense: the report has an unexpected value{shown}")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_told(data: bytes) -> None:
    with pytest.raises(AnswerError, match="the report is not JSON"):
        read(data, "the report", SHAPE)
