"""Every value of the language that is not declared as lines is one line of visible characters, however it comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from frontend.config import Arguments, ConfigError, load
from frontend.config.decode.shapes import (
    ChoiceShape,
    ListShape,
    MapShape,
    ObjectShape,
    ScalarShape,
    Shape,
    object_shape,
)
from spec.document import Spec
from spec.values.kinds import Kind, Text

LINE_ENDS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
"""Those of str.splitlines()."""
CONTROLS = "\0\x01\a\b\t\x1b\x1f\x7f\x80\x9b\x9f"
DECEIVING = "\xad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\U000e0041"
SURROGATES = "\ud800\udfff"
ALL = LINE_ENDS + CONTROLS + DECEIVING + SURROGATES


class Place(NamedTuple):
    """A place in the language for a single value. `build` returns a file with this value there."""

    name: str
    kind: Kind
    is_key: bool
    example: str
    build: Callable[[str], Any]


def scalars(shape: Shape, name: str, example: Any, build: Callable[[Any], Any]) -> Iterator[Place]:
    """Walk the language: every single value, and every key that the user chooses."""
    match shape:
        case ScalarShape(kind):
            yield Place(name, kind, False, kind.examples[0] if kind.examples else str(example), build)
        case ListShape(item=item):
            inner = example[0] if isinstance(example, list) and example else example
            yield from scalars(item, name, inner, lambda value: build([value]))
        case MapShape(key=key, value=value_shape):
            pairs = example if isinstance(example, dict) else dict.fromkeys(example or ["a"], True)
            first, value = next(iter(pairs.items()))
            yield Place(f"{name}, key", key, True, first, lambda text: build({text: value}))
            yield from scalars(value_shape, name, value, lambda text: build({first: text}))
        case ChoiceShape(variants=variants):
            for each in variants.values():
                yield from scalars(each, name, example, build)
        case ObjectShape():
            yield from fields(shape, name, build)


def fields(shape: ObjectShape, name: str, build: Callable[[Any], Any]) -> Iterator[Place]:
    needed = {each.name: yaml.safe_load(each.key.example) for each in shape.fields.values() if each.required}
    needed |= {shape.marker: True} if shape.marker else {}
    for field in shape.fields.values():

        def inside(value: Any, own: str = field.name) -> Any:
            return build({**needed, own: value})

        example = yaml.safe_load(field.key.example)
        yield from scalars(field.shape, f"{name}.{field.name}".lstrip("."), example, inside)


PLACES = [*scalars(object_shape(Spec), "", None, lambda value: value)]
ONE_LINE = [each for each in PLACES if not (isinstance(each.kind, Text) and each.kind.lines)]
LINES = [each for each in PLACES if each not in ONE_LINE]


def text_of(place: Place, value: str) -> tuple[bytes, int]:
    """Return a file with `value`, and its line."""
    text = json.dumps(place.build(value), indent=1)
    written = json.dumps(value)
    return text.encode(), next(number for number, line in enumerate(text.split("\n"), 1) if written in line)


def complaints(data: bytes, arguments: Arguments, read: Callable[[str], bytes | None]) -> list[tuple[str, int, str]]:
    try:
        load(data, "f.yaml", arguments, read)
    except ConfigError as error:
        assert all(line.isprintable() for line in error.lines)
        assert all(each.range.start.column > 0 for each in error.diagnostics)
        return [(each.range.file, each.range.start.line, each.message) for each in error.diagnostics]
    return []


def refused(data: bytes, file: str, line: int, given: str = "", included: bytes = b"") -> bool:
    arguments = Arguments(given={"X": given})
    found = complaints(data, arguments, lambda path: included if path == "included.yaml" else None)
    return any((place, number) == (file, line) for place, number, _ in found)


def broken(place: Place, character: str) -> str:
    half = len(place.example) // 2 or 1
    return place.example[:half] + character + place.example[half:]


def test_the_whole_language_is_walked() -> None:
    names = {each.name for each in PLACES}
    assert len(names) > 120
    assert names >= {"users.comment", "kernel.cmdline", "mounts.device", "run.name", "labels, key"}
    assert {each.name for each in LINES} & {"files.content", "run.script"} == {"files.content", "run.script"}


@pytest.mark.slow  # the tests below walk the whole language, too
@pytest.mark.parametrize("place", ONE_LINE, ids=lambda place: place.name)
def test_a_line_stays_a_line(place: Place) -> None:
    also = getattr(place.kind, "also", "")
    for character in ALL:
        if character not in also:
            data, line = text_of(place, broken(place, character))
            assert refused(data, "", line), f"U+{ord(character):04X} is taken"


@pytest.mark.parametrize("place", ONE_LINE, ids=lambda place: place.name)
def test_a_line_stays_a_line_at_its_ends(place: Place) -> None:
    also = getattr(place.kind, "also", "")
    for number, character in enumerate(LINE_ENDS):
        if character not in also:
            value = place.example + character if number % 2 else character + place.example
            data, line = text_of(place, value)
            assert refused(data, "", line), f"U+{ord(character):04X} is taken"


@pytest.mark.parametrize("place", ONE_LINE, ids=lambda place: place.name)
def test_a_line_stays_a_line_in_an_included_file(place: Place) -> None:
    for character in "\v\u2028\x1b\u202e":
        data, line = text_of(place, broken(place, character))
        assert refused(b"include: [included.yaml]\n", "included.yaml", line, included=data)


@pytest.mark.parametrize("place", [each for each in ONE_LINE if not each.is_key], ids=lambda place: place.name)
def test_a_line_stays_a_line_with_an_argument(place: Place) -> None:
    if place.kind.literal:
        return  # `${X}` is no argument there.
    document = place.build("${X}")
    text = json.dumps({"args": {"X": "1"}, **document}, indent=1)
    line = next(number for number, each in enumerate(text.split("\n"), 1) if '"${X}"' in each)
    for character in "\n\v\x1c\x85\u2028\x1b\u202e\ufeff\ud800":
        if character not in getattr(place.kind, "also", ""):
            assert refused(text.encode(), "", line, given=broken(place, character)), f"U+{ord(character):04X} is taken"


@pytest.mark.parametrize("place", LINES, ids=lambda place: place.name)
def test_lines_are_free(place: Place) -> None:
    for character in "\n\v\x1b\x85\u2028\u202e\ufeff":
        data, line = text_of(place, f"{place.example}{character}x")
        assert not refused(data, "", line)
    for character in SURROGATES + "\0":
        data, line = text_of(place, f"{place.example}{character}x")
        assert refused(data, "", line)


@pytest.mark.parametrize("character", [*"\v\x1c\x85\u2028\u2029\x1b\u202a\u202e\u2066\u2069\ufeff"])
def test_the_text_of_a_file_shows_what_it_is(character: str) -> None:
    found = complaints(f"base: debian\n# a{character}b\n".encode(), Arguments(), lambda _: None)
    assert [(line, message.partition(":")[0]) for _, line, message in found] == [
        (2, f"invisible character (U+{ord(character):04X})")
    ]


def test_joiners_are_part_of_letters() -> None:
    name = "नि\u200cम 👩\u200d🚀"
    spec = load(f'base: debian\nusers: [{{name: a, comment: "{name}"}}]\n'.encode(), "f.yaml")
    assert spec.users[0].comment == name
