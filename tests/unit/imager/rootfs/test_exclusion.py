"""Patterns of what is not in the image, compared while a tree is walked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imager.core import patterns
from imager.customize import excluded
from imager.requests.files import Exclude
from imager.rootfs import tree
from imager.rootfs.exclusion import Exclusion
from tests.support.hostile import within
from tests.support.imager import EPOCH, make_system

FILES = (
    "usr/share/icons/hicolor/a.png",
    "usr/share/icons.list",
    "usr/lib/python3/x.py",
    "usr/lib/python3/__pycache__/x.pyc",
    "opt/icons/a.png",
    "opt/app/share/icons/b.png",
    "etc/icons",
)


def leaves_out(texts: tuple[str, ...], path: str, *, directory: bool = False) -> bool:
    """Return whether patterns leave out a path, or a directory above it."""
    exclusion = Exclusion(texts)
    progress = exclusion.start
    *above, name = path.split("/")
    for part, is_directory in (*((each, True) for each in above), (name, directory)):
        matched, progress = exclusion.enter(progress, part.encode(), directory=is_directory)
        if matched:
            return True
    return False


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("/usr/share/icons/", FILES[:1]),
        ("/usr/share/icons*", FILES[:2]),
        ("share/icons/", (FILES[0], FILES[5])),
        ("icons", (FILES[0], *FILES[4:])),
        ("icons/", (FILES[0], FILES[4], FILES[5])),
        ("*.pyc", FILES[3:4]),
        ("__pycache__/", FILES[3:4]),
        ("/**/icons/", (FILES[0], FILES[4], FILES[5])),
        ("/opt/**/icons", FILES[4:6]),
        ("/opt/**", FILES[4:6]),
        ("/usr/**/**/x.py", FILES[2:3]),
        ("/usr/*/python[0-9]", FILES[2:4]),
        ("/icons", ()),
        ("/usr/share/icons.list/", ()),
        ("ICONS", ()),
    ],
)
def test_what_patterns_mean(tmp_path: Path, pattern: str, gone: tuple[str, ...]) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert tuple(name for name in FILES if leaves_out((pattern,), name)) == gone
    walk = tree.walk(os.fsencode(tmp_path), exclude=("no/such", pattern))
    shipped = {os.fsdecode(entry.path) for entry in walk if entry.is_file}
    assert shipped == set(FILES) - set(gone)
    assert walk.matched == ((pattern,) if gone else ())
    excluded.run(Exclude(system=str(tmp_path), pattern=(pattern,), epoch=EPOCH))
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == shipped, "an image for registries lacks the same"


@given(st.text("ab*/?", min_size=1, max_size=8), st.text("ab/", min_size=1, max_size=8))
def test_paths_match_as_patterns_of_modules_do(pattern: str, path: str) -> None:
    """Except for a component `**`, which is any number of directories here."""
    parts = [part for part in path.split("/") if part]
    words = [part for part in pattern.split("/") if part]
    if not parts or not words or "**" in words or "//" in pattern:
        return
    fits = patterns.path_matcher(pattern)
    # The other matcher sees files only, so that what matches a directory has something in it.
    assert leaves_out((pattern,), "/".join(parts)) == fits("/".join(parts))


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["*a" * 25, "/".join(["*a*a*a"] * 40), "/".join(["**", "*a*"] * 40), "a/" * 500])
def test_the_work_grows_with_the_path_only(pattern: str) -> None:
    exclusion = Exclusion((pattern,) * 4)
    with within(5):
        progress = exclusion.start
        for _ in range(1000):
            _, progress = exclusion.enter(progress, b"a" * 254 + b"b", directory=True)


def test_what_boots_stays(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    walk = tree.walk(os.fsencode(system), exclude=("proc", "dev", "/[a-z]*"))
    assert {entry.path for entry in walk} == {b".", b"dev", b"dev/console", b"proc", b"run", b"sys", b"tmp"}


def test_names_that_are_no_text_are_compared_too(tmp_path: Path) -> None:
    for name in (b"a\xff.pyc", b"b\xff"):
        (tmp_path / os.fsdecode(name)).touch()
    assert b"b\xff" in {entry.path for entry in tree.walk(os.fsencode(tmp_path), exclude=("a?.pyc",))}
    assert b"a\xff.pyc" not in {entry.path for entry in tree.walk(os.fsencode(tmp_path), exclude=("a?.pyc",))}


def test_directories_above_keep_their_place_and_get_a_fixed_time(tmp_path: Path) -> None:
    (tmp_path / "usr/share/icons/x").mkdir(parents=True)
    (tmp_path / "usr/share/icons/x/a").touch()
    excluded.run(Exclude(system=str(tmp_path), pattern=("/usr/share/icons/",), epoch=EPOCH))
    assert list((tmp_path / "usr").iterdir()) == [tmp_path / "usr/share"]
    assert (tmp_path / "usr/share").stat().st_mtime == EPOCH
