"""Dockerfiles that start FROM claylinux/imager; tests/boot/test_dockerfile.py boots their images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from frontend import __version__
from tests.support.engine import REPOSITORY, Engine

pytestmark = pytest.mark.engine


def test_a_build_that_cannot_work_says_why(engine: Engine, tmp_path: Path) -> None:
    """The error contains the line of the program, not only an exit code."""
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch AS system\nCOPY Dockerfile /\nFROM claylinux/imager\n"
        "RUN --mount=from=system,target=/system build-image --format iso\n"
    )
    result = engine.buildx(tmp_path, output="type=cacheonly")
    assert result.returncode != 0
    assert "build-image: error: this system has no init (expected /sbin/init): install an init system" in result.log


def test_a_directory_becomes_an_image_without_a_dockerfile(engine: Engine, small: Path, tmp_path: Path) -> None:
    """With `docker run` and the options of build steps."""
    tree, out = tmp_path / "tree", tmp_path / "out"
    engine.buildx(small, target="system", output=tree).check()
    run = ("run", "--rm", f"--volume={tree}:/system:ro", f"--volume={out}:/out", "claylinux/imager")
    assert "build-image" in engine.docker(*run, "--help")
    told = engine.docker(*run, "build-image", "-f", "iso", "-v", "SMALL", "-o", "/out/small", "--sbom")
    assert told.startswith("build-image: /out/small.iso: Linux ")
    image, listed = sorted(out.iterdir())
    assert json.loads(listed.read_text())["creationInfo"]["creators"] == [f"Tool: claylinux-{__version__}"]
    assert image.read_bytes()[0x8001:0x8006] == b"CD001"
    assert b"SMALL" in image.read_bytes()[0x8000:0x8800]


def test_the_example_builds(engine: Engine, tmp_path: Path) -> None:
    """A Debian from a Dockerfile alone."""
    engine.buildx(REPOSITORY / "examples/dockerfile-debian", output=tmp_path).check()
    assert [path.name for path in tmp_path.iterdir()] == ["claylinux.img"]
