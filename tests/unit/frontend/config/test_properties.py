"""What holds for every file: no crash, places inside the file, no meaning in the order of keys."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from frontend.config import ConfigError, load
from spec.document import Spec
from spec.positions import Range

WORDS = (
    "base", "name", "packages", "files", "run", "users", "hostname", "hosts", "dns", "services", "kernel", "outputs",
    "image", "context", "preset", "source", "content", "symlink", "directory", "mode", "owner", "script", "env", "uid",
    "password", "groups", "servers", "search", "cmdline", "version", "format", "x-a", "<<", "debian", "/etc/motd", "/",
    "raw", "iso", "0644", "true", "null", "10.0.0.1", "*", "-x", "ä", "",
)  # fmt: skip
SYNTAX = (*"\n\n\n :-[]{},&*!|>'\"#%@`?~é𝄞\t\r", "\n  ", "\n- ", ": ", "<<: ", "*a", "&a ", "---\n", "...\n", "\\u0000")

words = st.sampled_from(WORDS)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers(-1, 5000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)
texts = st.lists(words | st.sampled_from(SYNTAX), max_size=40).map("".join)

RIGHT: dict[str, Any] = {
    "base": "debian",
    "name": "edge",
    "packages": ["nginx", "curl"],
    "files": {
        "/etc/motd": "hi",
        "/": {"source": "root"},
        "/srv/x": {"directory": True, "owner": "a:b", "mode": "0700"},
    },
    "run": ["ls", {"script": "ls", "env": {"A": "b", "C": "d"}}],
    "users": [{"name": "a", "uid": 5, "groups": ["b"]}],
    "hosts": {"a": "10.0.0.1", "b": "10.0.0.2"},
    "dns": {"servers": ["9.9.9.9"], "search": ["example.org"]},
    "services": {"nginx": True, "ssh": False},
    "kernel": {"cmdline": ["quiet"], "version": "6.12"},
    "outputs": ["raw", {"format": "iso", "name": "x"}],
}


def inside(place: Range, text: str) -> bool:
    lines = text.split("\n")
    ends = (place.start, place.end)
    return place.start <= place.end and all(
        1 <= end.line <= len(lines) and 1 <= end.column <= len(lines[end.line - 1]) + 1 for end in ends
    )


def read(text: str) -> Spec | None:
    """Load `text` and check every place that comes out."""
    try:
        spec = load(text.encode(), "f")
    except ConfigError as error:
        assert error.diagnostics
        places = [diagnostic.range for diagnostic in error.diagnostics]
        assert places == sorted(places)
        assert all("\n" not in diagnostic.message for diagnostic in error.diagnostics)
        result = None
    else:
        places = [*spec.positions.values.values(), *spec.positions.keys.values()]
        result = spec
    assert [place for place in places if not inside(place, text)] == []
    return result


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_bytes_never_crash(data: bytes) -> None:
    try:
        load(data, "f")
    except ConfigError as error:
        assert error.diagnostics


@given(texts)
@example("base: debian\nrun: |\n\n\n")
@example("a: [\n")
@example("a:\n  - |")
@example("x-a: &a [b]\nx-b:\n  - *a")
@example("base: >+\n\n\n  debian\n\n\n# end")
@example("---")
@settings(max_examples=120, deadline=None)
def test_places_are_inside_the_file(text: str) -> None:
    read(text)
    read(f"base: debian\n{text}")


@given(st.dictionaries(words, values, max_size=5), st.none() | st.just(1))
@settings(max_examples=50, deadline=None)
def test_values_never_crash(data: dict[str, Any], indent: int | None) -> None:
    read(json.dumps(data, ensure_ascii=False, indent=indent))


@given(st.sampled_from(sorted(RIGHT)), values)
@settings(max_examples=50, deadline=None)
def test_one_wrong_value_is_told_there(key: str, value: Any) -> None:
    text = json.dumps({**RIGHT, key: value}, indent=1)
    spec = read(text)
    if spec is None:
        try:
            load(text.encode(), "f")
        except ConfigError as error:
            lines = text.split("\n")
            start = next(index for index, line in enumerate(lines, 1) if line.startswith(f' "{key}":'))
            assert all(diagnostic.range.start.line >= start for diagnostic in error.diagnostics)


def shuffled(value: Any, draw: st.DataObject) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key], draw) for key in draw.draw(st.permutations(list(value)))}
    return [shuffled(item, draw) for item in value] if isinstance(value, list) else value


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_the_order_of_keys_means_nothing(draw: st.DataObject) -> None:
    spec = read(json.dumps(shuffled(RIGHT, draw)))
    assert spec is not None
    assert spec == load(json.dumps(RIGHT).encode(), "f")
