"""The same input gives the same bytes: on another engine, on another day, after a power failure."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.engine import Engine, digests

pytestmark = pytest.mark.engine

BUILD_FILE = """\
# syntax=claylinux/frontend
name: same
base: debian-cloud
packages: [nginx-light, openssh-server]
users: [{name: admin, groups: [sudo]}]
files:
  /srv: {source: tree}
  /etc/motd: "hello\\n"
run: ["date > /dev/null; mkdir -p /opt/app; echo 1 > /opt/app/file"]
services: [nginx]
outputs: [raw, iso, efi]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "tree").mkdir(parents=True)
    (folder / "claylinux.yaml").write_text(BUILD_FILE)
    for name in ("b", "a", "c"):
        (folder / "tree" / name).write_text(name * 1000)
    return folder


def copy_from_another_day(project: Path, to: Path) -> Path:
    """The same files as another checkout would have them: made in another order, years apart, with another umask."""
    old = os.umask(0o077)
    try:
        shutil.copytree(project, to, copy_function=shutil.copyfile)
    finally:
        os.umask(old)
    for number, path in enumerate(sorted(to.rglob("*"), reverse=True)):
        path.chmod(0o755 if path.is_dir() else 0o644)  # modes are content; times and order are not
        os.utime(path, (10**9 + number, 10**9 + number))
    return to


def test_same_bytes_on_two_engines_and_after_a_power_failure(
    engine: Engine, throwaway_engine: Callable[[], Engine], project: Path, tmp_path: Path
) -> None:
    """A cold build, and a cold build elsewhere that was cut off in the middle and started again."""
    engine.buildx(project, output=tmp_path / "first", no_cache=True).check()
    first = digests(tmp_path / "first")
    assert sorted(first) == ["same.efi", "same.iso", "same.raw"]

    other = throwaway_engine()
    copy = copy_from_another_day(project, tmp_path / "another day")
    killer = threading.Timer(12.0, other.kill)
    killer.start()
    cut_off = other.buildx(copy, output=tmp_path / "cut off")
    killer.cancel()
    assert cut_off.returncode != 0, "the engine was to be killed in mid-build; it was too fast"
    time.sleep(1)
    other = throwaway_engine()
    other.buildx(copy, output=tmp_path / "second").check()
    assert digests(tmp_path / "second") == first


def test_every_kind_of_time_stamp_follows_the_epoch(engine: Engine, project: Path, tmp_path: Path) -> None:
    """SOURCE_DATE_EPOCH dates the image; another one gives other bytes, the same one the same."""
    built = {}
    for number, epoch in enumerate(("1700000000", "1600000000", "1700000000")):
        out = tmp_path / str(number)
        arguments = {"SOURCE_DATE_EPOCH": epoch}
        engine.buildx(project, output=out, target="raw", build_args=arguments, no_cache=number == 2).check()
        assert (out / "same.raw").stat().st_mtime == int(epoch)
        built[number] = digests(out)
    assert built[0] != built[1]
    assert built[0] == built[2]
