"""Which processes tools/engine takes for its own: it ends them all."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localengine import processes
from localengine.places import Places, places_for


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """An engine whose dockerd is a shell that waits."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    places = places_for("trixie", "mine")
    places.bin.mkdir(parents=True)
    shutil.copy("/bin/sh", places.bin / "dockerd")
    return places


@contextmanager
def started(*words: object, script: str = "read line") -> Iterator[int]:
    """A process that waits, with the words of its command line."""
    argv = [str(words[0]), "-c", f"echo; {script}", *map(str, words[1:])]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # from now on it is what its command line says
        yield process.pid
        process.kill()


def test_only_our_programs_at_work_on_our_places_are_ours(places: Places) -> None:
    dockerd, other = places.bin / "dockerd", places_for("trixie", "other")
    with (
        started(dockerd, f"--exec-root={places.exec_root}") as daemon,
        started(dockerd, "--config", places.exec_root / "containerd/containerd.toml") as containerd,
        started(dockerd, f"--pidfile={places.pidfile}") as by_pidfile,
        started(dockerd, f"--exec-root={other.exec_root}"),
        started(dockerd, f"--exec-root={places.exec_root}-too"),
        started(dockerd, f"grep {places.exec_root} log"),
        started("/bin/sh", f"--exec-root={places.exec_root}"),
        started("/bin/sh", places.exec_root / "containerd/containerd.toml", dockerd),
    ):
        assert sorted(processes.daemons(places)) == sorted([daemon, containerd, by_pidfile])


def test_a_process_is_ended_whether_it_wants_or_not(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.2)
    with started("/bin/sh") as polite, started("/bin/sh", script="trap '' TERM; while :; do sleep 0.1; done") as deaf:
        for pid in (polite, deaf):
            begun = time.monotonic()
            processes.end(pid)
            assert time.monotonic() - begun < 4
            assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        assert processes.orphans(places) == []
    processes.end(polite)
