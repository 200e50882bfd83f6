"""How far a long step is: nothing in a short one, and at most a line in each pause of a long one."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from imager.core import progress


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.05)
    monkeypatch.setattr(progress, "_PAUSE", 0.05)


def test_a_short_step_says_nothing_and_counts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.told("packing", lambda: pytest.fail("asked"), lambda: pytest.fail("asked")):
        pass
    time.sleep(0.1)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.usefixtures("hurried")
def test_a_long_step_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    done = lambda: int((time.monotonic() - begun) * 100e6)  # noqa: E731
    with progress.told("packing", done, lambda: 1_000_000_000):
        time.sleep(0.5)
    told = capsys.readouterr().out.splitlines()
    assert 2 <= len(told) <= 10
    assert all(re.fullmatch(r"packing: \d %, \d+ of 1000 MB, \d+\.\d MB/s", line) for line in told), told
    time.sleep(0.1)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.usefixtures("hurried")
def test_a_file_tells_what_is_stored_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "box.img").open("wb", buffering=0) as file:
        file.truncate(1 << 40)
        file.write(os.urandom(2_000_000))
        with progress.told_of_file("/out/box.img", file.fileno(), 8_000_000):
            time.sleep(0.3)
        with progress.told_of_file("/out/box.qcow2", file.fileno(), None):
            time.sleep(0.3)
    told = capsys.readouterr().out
    assert re.search(r"^box\.img: 2[56] %, [23] of 8 MB, 0\.0 MB/s$", told, re.MULTILINE), told
    assert re.search(r"^box\.qcow2: [23] MB, 0\.0 MB/s$", told, re.MULTILINE), told


@pytest.mark.usefixtures("hurried")
def test_what_cannot_be_counted_harms_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def gone() -> int:
        raise FileNotFoundError

    with progress.told("packing", lambda: 0, gone):
        time.sleep(0.2)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
