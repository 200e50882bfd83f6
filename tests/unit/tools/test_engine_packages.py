"""tools/localengine: the packages of an engine, which all instances share."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from localengine import packages


def test_two_engines_that_start_at_once_unpack_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A second one waits for the first, and then finds everything there."""
    downloads: list[Path] = []

    def download(suite: str, work: Path) -> None:
        downloads.append(work)
        time.sleep(0.2)
        (work / "root").mkdir()

    monkeypatch.setattr(packages, "_download", download)
    prefix = tmp_path / "trixie/root"
    threads = [threading.Thread(target=packages.unpack, args=("trixie", prefix)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(downloads) == 1
    assert (prefix / "packages.txt").read_text() == ""
    assert sorted(path.name for path in prefix.parent.iterdir()) == ["root", "root.lock"]
