"""The short form of the campaign of nonsense, and that it notices what it looks for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from random import Random
from typing import NoReturn

import pytest

from frontend import app
from frontend.errors import UserError
from frontend.gateway.bridge import Bridge
from tests.campaigns import nonsense_engine
from tests.campaigns.running import Tally
from tests.support.nonsense_engine import KINDS, NonsenseEngine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NonsenseEngine]:
    made = NonsenseEngine(tmp_path_factory.mktemp("engine"))
    yield made
    made.stop()


@pytest.mark.parametrize("how", KINDS)
def test_the_frontend_comes_through_nonsense(engine: NonsenseEngine, how: str) -> None:
    tally, random = Tally(), Random(1)
    for _ in range(1 if how in ("silence", "huge") else 4):
        nonsense_engine.judge(engine, random, tally, how, process=False)
    assert not tally.failures, tally.examples
    assert tally.outcomes["built"] < tally.inputs


@pytest.mark.parametrize("how", ["hang up", "other bytes"])
def test_the_process_of_the_frontend_comes_through_nonsense(engine: NonsenseEngine, how: str) -> None:
    tally = Tally()
    nonsense_engine.judge(engine, Random(2), tally, how, process=True)
    assert not tally.failures, tally.examples


def crash(*_: object) -> NoReturn:
    raise AttributeError("x")


def say_nothing(*_: object) -> NoReturn:
    raise UserError("")


@pytest.mark.parametrize(
    ("spoil", "failure"),
    [
        (crash, "traceback: AttributeError in test_nonsense_engine.py"),
        (say_nothing, "an error that says nothing"),
        (lambda *_: sys.exit(1), "traceback: SystemExit"),
    ],
)
def test_failures_are_noticed(
    engine: NonsenseEngine, monkeypatch: pytest.MonkeyPatch, spoil: object, failure: str
) -> None:
    monkeypatch.setattr(nonsense_engine, "_calls", lambda *_: 1)
    monkeypatch.setattr(app, "_answer", spoil)
    tally = Tally()
    nonsense_engine.judge(engine, Random(3), tally, "directory", process=False)
    (kind,) = tally.failures
    assert failure in kind


def test_a_frontend_that_does_not_end_is_noticed(engine: NonsenseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    release: list[int] = []
    monkeypatch.setattr(nonsense_engine, "SECONDS", 0.1)
    monkeypatch.setattr(nonsense_engine, "_calls", lambda *_: 1)

    def wait(*_: object) -> None:
        while not release:
            pass

    monkeypatch.setattr(app, "_answer", wait)
    tally = Tally()
    nonsense_engine.judge(engine, Random(3), tally, "directory", process=False)
    release.append(1)
    assert list(tally.failures) == ["directory: it does not end"]


def test_two_answers_are_noticed(engine: NonsenseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    once = Bridge.return_error
    monkeypatch.setattr(nonsense_engine, "_calls", lambda *_: 1)
    monkeypatch.setattr(app, "_answer", say_nothing)
    monkeypatch.setattr(Bridge, "return_error", lambda self, status: (once(self, status), once(self, status)))
    tally = Tally()
    nonsense_engine.judge(engine, Random(3), tally, "directory", process=False)
    assert list(tally.failures) == ["directory: two answers"]
