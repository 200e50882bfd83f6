"""The lint with a real engine: the program in the frontend image, buildx --call, and warnings of a build."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.test_system import HEAD
from tests.support.engine import Engine

pytestmark = pytest.mark.engine

TEXT = HEAD + 'base: {image: "debian:trixie"}\nusers: [{name: root, password: ""}]\n'


def run(engine: Engine, directory: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *args], env=engine.env, cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_image_checks_a_file_without_a_builder(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "claylinux.yaml").write_text(TEXT)
    argv = ["run", "--rm", "--network=none", f"--volume={tmp_path}:/src:ro", "claylinux/frontend"]
    done = run(engine, tmp_path, *argv, "check", "/src/claylinux.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("/src/claylinux.yaml:3:32: warning: root has an empty password")
    assert run(engine, tmp_path, *argv, "check", "--strict", "/src/claylinux.yaml").returncode == 1
    assert run(engine, tmp_path, *argv, "check", "/src/other.yaml").returncode == 2


def test_a_build_that_wants_no_findings_fails_with_them(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "claylinux.yaml").write_text(HEAD + "# check=error=true\n" + TEXT.removeprefix(HEAD))
    result = engine.buildx(tmp_path)
    assert result.returncode != 0
    assert "claylinux.yaml:4:32: root has an empty password" in result.log
    assert "[RootWithoutPassword]" in result.log


def test_buildx_prints_what_the_check_finds(
    engine: Engine, throwaway_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    if "--check" not in run(engine, tmp_path, "buildx", "build", "--help").stdout:
        engine = throwaway_engine("sid")  # its buildx supports this
    (tmp_path / "claylinux.yaml").write_text(TEXT)
    done = run(engine, tmp_path, "buildx", "build", "--check", "-f", "claylinux.yaml", ".")
    assert done.returncode == 1, done.stderr
    assert "RootWithoutPassword" in done.stdout
    assert "claylinux.yaml:3" in done.stdout
