"""Alpine for tests: the fixture `alpine` is its image with our own package repository, served while tests run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from frontend.distro.registry import PRESETS
from tests.support.alpine_packages import packages
from tests.support.apk_repository import SigningKey, publish, serve
from tests.support.engine import BuildResult, Engine, tool

RELEASE = "alpine:3.20"
"""The newest release whose content is available without a registry."""
PRESET_IMAGE = PRESETS["alpine-lts"].image_of(None)


@dataclass(frozen=True)
class Alpine:
    """An image in the engine that stands in for the base image of presets."""

    engine: Engine
    image: str
    key: SigningKey
    asked: list[str]
    """The names of the files that apk requested, in order."""

    def build(self, directory: Path, *args: str, output: Path | str | None = None) -> BuildResult:
        """Build a project. Only the step's network reaches the loopback interface with the packages."""
        stand_in = f"--build-context={PRESET_IMAGE}=docker-image://{self.image}"
        return self.engine.buildx(directory, "--network=host", stand_in, *args, output=output)

    def downloads(self) -> list[str]:
        """Return the packages requested since the last call."""
        found = [name for name in self.asked if name.endswith(".apk")]
        self.asked.clear()
        return found


@pytest.fixture(scope="session")
def alpine(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    """Yield Alpine with reachable packages."""
    tool("base-image", RELEASE)
    directory = tmp_path_factory.mktemp("alpine")
    key = SigningKey.make(directory)
    publish(packages(), key, directory / "repository")
    image = f"claylinux-test/alpine-{os.getpid()}"
    with serve(directory / "repository") as (url, asked):
        (directory / "Dockerfile").write_text(
            f"FROM {RELEASE}\nCOPY {key.name} /etc/apk/keys/\nRUN echo {url} > /etc/apk/repositories\n"
        )
        (directory / ".dockerignore").write_text("repository\n")
        engine.buildx(directory, f"--tag={image}", "--file=Dockerfile").check()
        try:
            yield Alpine(engine, image, key, asked)
        finally:
            engine.docker("rmi", image)
