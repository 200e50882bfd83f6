"""Alpine for tests: the fixture `alpine` is its image with a package repository of ours, served while tests run."""

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
"""The newest one whose content is at hand where no registry answers."""
PRESET_IMAGE = PRESETS["alpine-lts"].image_of(None)


@dataclass(frozen=True)
class Alpine:
    """An image in the engine that stands for the one that presets start from."""

    engine: Engine
    image: str
    key: SigningKey
    asked: list[str]
    """The names of the files that apk asked for, in order."""

    def build(self, folder: Path, *args: str, output: Path | str | None = None) -> BuildResult:
        """Build a project. Only the step's network reaches the loopback interface, where the packages are."""
        stand_in = f"--build-context={PRESET_IMAGE}=docker-image://{self.image}"
        return self.engine.buildx(folder, "--network=host", stand_in, *args, output=output)

    def downloads(self) -> list[str]:
        """Return the packages that were asked for since the last call."""
        found = [name for name in self.asked if name.endswith(".apk")]
        self.asked.clear()
        return found


@pytest.fixture(scope="session")
def alpine(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    """Alpine whose packages are in reach."""
    tool("base-image", RELEASE)
    folder = tmp_path_factory.mktemp("alpine")
    key = SigningKey.make(folder)
    publish(packages(), key, folder / "repository")
    image = f"claylinux-test/alpine-{os.getpid()}"
    with serve(folder / "repository") as (url, asked):
        (folder / "Dockerfile").write_text(
            f"FROM {RELEASE}\nCOPY {key.name} /etc/apk/keys/\nRUN echo {url} > /etc/apk/repositories\n"
        )
        (folder / ".dockerignore").write_text("repository\n")
        engine.buildx(folder, f"--tag={image}", "--file=Dockerfile").check()
        try:
            yield Alpine(engine, image, key, asked)
        finally:
            engine.docker("rmi", image)
