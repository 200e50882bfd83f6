"""The short form of the campaign of build files, and that it notices what it looks for."""

from __future__ import annotations

import resource
from typing import NoReturn

import pytest

from frontend import app
from frontend.errors import UserError
from tests.campaigns import build_files
from tests.campaigns.running import Tally
from tests.support.build_files.cases import Case

pytestmark = pytest.mark.slow

CASE = Case(b"base: debian\n", {}, {"filename": "claylinux.yaml"})


def test_the_frontend_comes_through_build_files_that_nobody_would_write() -> None:
    tally = build_files.campaign(0, seed=1)
    assert tally.inputs == build_files.BATCH
    assert not tally.failures, tally.examples
    assert set(tally.outcomes) == {"answered", "planned", "refused", "refused by the plan"}


def crash(*_: object) -> NoReturn:
    raise AttributeError("x")


def tell_nowhere(*_: object) -> NoReturn:
    raise UserError("it is wrong")


def move_the_cursor(*_: object) -> NoReturn:
    raise UserError("claylinux.yaml:1:1: \x1b[2J")


def say_much(*_: object) -> NoReturn:
    raise UserError("claylinux.yaml:1:1: " + "x" * build_files.MESSAGE)


def hang(*_: object) -> NoReturn:
    while True:
        pass


def take_memory(*_: object) -> None:
    assert bytearray(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + (16 << 20)).count(1) == 0


@pytest.mark.parametrize(
    ("spoil", "failure"),
    [
        (crash, f"traceback: AttributeError in test_build_files.py:{crash.__code__.co_firstlineno + 1} crash"),
        (tell_nowhere, "a message without a place"),
        (move_the_cursor, "a message that moves the cursor"),
        (say_much, "a long message"),
        (hang, "more than 0.1 s"),
        (take_memory, "too much memory"),
    ],
)
def test_failures_are_noticed(monkeypatch: pytest.MonkeyPatch, spoil: object, failure: str) -> None:
    monkeypatch.setattr(app, "_lint", spoil)
    monkeypatch.setattr(build_files, "SECONDS", 0.1 if spoil is hang else 60)
    monkeypatch.setattr(build_files, "MEMORY", 8 << 10)
    assert list(judged(CASE).failures) == [failure]


def test_an_honest_file_is_planned() -> None:
    assert judged(CASE).outcomes == {"planned": 1}


def test_other_results_with_other_hashes_are_noticed() -> None:
    tally = Tally()
    build_files.compare([(CASE, "another digest")], tally)
    assert list(tally.failures) == ["another result with other hashes"]


def judged(case: Case) -> Tally:
    tally = Tally()
    with build_files.prepared():
        build_files.judge(case, tally)
    return tally
