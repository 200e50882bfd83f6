"""Every limit of a build file at both of its sides: what is just allowed, and one more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from frontend.config import ConfigError, load
from frontend.config.decode.interpolate import InterpolationError, Variables
from frontend.config.syntax.diagnostics import Collector, TooManyProblemsError, excerpt
from frontend.config.syntax.parse import parse
from frontend.config.syntax.text import read_text
from spec.positions import Position, Range

MEBIBYTE = 1 << 20


def said_of_tree(text: str) -> str:
    problems = Collector()
    node = parse(text, problems)
    told = "; ".join(f"{each.range.start.line}: {each.message}" for each in problems.sorted())
    assert (node is None) == bool(told)
    return told


def said_of_bytes(size: int) -> str:
    problems = Collector()
    text = read_text(b"a" * size, problems)
    assert (text is None) == bool(problems.sorted())
    return "; ".join(each.message for each in problems.sorted())


def said_of_text(text: str, **values: str) -> str:
    try:
        Variables(values).expand(text)
    except InterpolationError as error:
        return str(error)
    return ""


def said_of_file(content: str, included: Callable[[str], str] = lambda _: "") -> str:
    try:
        load(f"base: debian\n{content}".encode(), "f.yaml", read=lambda name: included(name).encode())
    except ConfigError as error:
        return str(error)
    return ""


def values(more: int) -> str:
    """Return a list of 100,000 values and `more`: itself, 99 lists of a thousand, and what is left."""
    thousand = f"- &a [{', '.join('x' * 999)}]\n"
    return thousand + "- *a\n" * 98 + "- x\n" * (999 + more)


def characters(more: int) -> str:
    return f"- &a {'x' * MEBIBYTE}\n" + "- *a\n" * 7 + "- y\n" * more


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def nested(levels: int) -> str:
    return "${A:-" * levels + "x" + "}" * levels


def chain(name: str) -> str:
    """Return a file that includes the next one, up to the one that has no more."""
    number = int(name)
    return f"include: ['{number - 1}']" if number else "x-a: b"


def listed(*names: str) -> str:
    return f"include: [{', '.join(names)}]\n"


def expanded(*sizes: int) -> str:
    """Return what is said of values that arguments make so large, all in one file."""
    variables = Variables({"A": "x" * MEBIBYTE})
    try:
        for size in sizes:
            variables.expand("${A}" if size == MEBIBYTE else "$$" * size)
    except InterpolationError as error:
        return str(error)
    return ""


MANY = "can include at most 100 files with 4,194,304 bytes and 100,000 values in all"
LIMITS: dict[str, tuple[str, Callable[[int], str]]] = {
    "bytes": ("got 1,048,577", lambda more: said_of_bytes(MEBIBYTE + more)),
    "values": ("1099: a build file can have at most 100,000 values", lambda more: said_of_tree(values(more))),
    "characters": ("9: a build file can have at most 8,388,608", lambda more: said_of_tree(characters(more))),
    "levels": ("nested at most 64 levels", lambda more: said_of_tree(deep(64 + more))),
    "a text": ("larger than 1 MiB", lambda more: said_of_text("${A}${A}" + "$$" * more, A="x" * (MEBIBYTE // 2))),
    "all texts": ("larger than 16 MiB", lambda more: expanded(*[MEBIBYTE] * 16, *[more] * more)),
    "words": ("nested at most 16 levels", lambda more: said_of_text(nested(16 + more), A="")),
    "profiles": (
        "f.yaml:67:3: a build file can have at most 64 profiles",
        lambda more: said_of_file("profiles:\n" + "".join(f"  p{number}: {{}}\n" for number in range(64 + more))),
    ),
    "levels of includes": (
        "1:1:11: includes can be nested at most 8 levels deep",
        lambda more: said_of_file(listed(f"'{7 + more}'"), chain),
    ),
    "included files": (MANY, lambda more: said_of_file(listed(*["a"] * (100 + more)), lambda _: "{}")),
    "included bytes": (
        MANY,
        lambda more: said_of_file(
            listed(*"aaaa", *"b" * more), lambda name: "{}".ljust(MEBIBYTE if name == "a" else 2)
        ),
    ),
    "included values": (
        MANY,
        # Each has itself, a key, and a list with its items.
        lambda more: said_of_file(listed("a", *"b" * more), lambda name: values_below(100_000 if name == "a" else 1)),
    ),
}


def values_below(count: int) -> str:
    return "{}" if count == 1 else f"x-a:\n{values(-2)}"


@pytest.mark.slow
@pytest.mark.parametrize("name", LIMITS)
def test_most(name: str) -> None:
    said, say = LIMITS[name]
    assert say(0) == ""
    more = say(1)
    assert said in more
    assert "\n" not in more


def test_the_most_problems() -> None:
    problems = Collector()
    for number in range(99):
        problems.add(Range(Position(number + 1, 1), Position(1, 1)), "wrong")
    problems.add(Range(Position(99, 1), Position(1, 1)), "wrong")  # once only
    with pytest.raises(TooManyProblemsError):
        problems.add(Range(Position(100, 1), Position(1, 1)), "wrong")
    assert len(problems.sorted()) == 100


def test_problems_in_a_range_of_a_file() -> None:
    problems = Collector()
    problems.add(Range(Position(2, 3), Position(2, 5)), "wrong")
    for start, end, found in (
        ((2, 3), (2, 3), True),
        ((1, 1), (2, 3), True),
        ((2, 3), (9, 9), True),
        ((1, 1), (2, 2), False),
        ((2, 4), (9, 9), False),
    ):
        place = Range(Position(*start), Position(*end))
        assert problems.any_in(place) == found, place
        assert not problems.any_in(place._replace(file="other.yaml"))


@pytest.mark.parametrize(
    ("line", "first", "end", "shown", "marks"),
    [
        ("x" * 160, 160, 161, "x" * 160, " " * 159 + "^"),
        ("x" * 161 + "END", 161, 162, "x" * 81 + "END", " " * 80 + "^"),
        ("x" * 161 + "END", 1, 9, "x" * 160, "^" * 8),
        ("x" * 161 + "END", 82, 999, ("x" * 161 + "END")[1:161], " " * 80 + "^" * 80),
        ("a\tb\x1bc", 4, 5, "a\tb�c", " \t ^"),
        ("name: x\r", 1, 1, "name: x", "^"),
    ],
)
def test_an_excerpt_shows_what_is_near(line: str, first: int, end: int, shown: str, marks: str) -> None:
    place = Range(Position(2, first), Position(2, end))
    assert excerpt(["", line], place) == f"  {shown}\n  {marks}\n"
    assert excerpt(["", line, ""], Range(Position(2, first), Position(3, 1))) == f"  {shown}\n  {marks.rstrip('^')}^\n"


def test_no_excerpt_where_there_is_no_line() -> None:
    assert excerpt(["a"], Range(Position(1, 1), Position(1, 1))) == "  a\n  ^\n"
    for line in (0, 2):
        assert excerpt(["a"], Range(Position(line, 1), Position(line, 1))) == ""
