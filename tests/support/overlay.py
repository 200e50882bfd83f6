"""Stages of a system as the engine stores them: layers of overlayfs, with a mount of all lower layers for each stage.

This works like containerd's overlayfs snapshotter (plugins/snapshots/overlay/overlay.go). A step changes the topmost
layer through a mount with `index=off`. A stage of several layers is a read-only overlay of them; a stage of one layer
is that directory itself.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.engine import unavailable


class Overlay:
    """Stages in `directory`; `close` unmounts them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.layers: list[Path] = []
        self.stages: list[Path] = []
        self._mounted: list[Path] = []

    @contextmanager
    def changing(self) -> Iterator[Path]:
        """Yield the system for the next step; afterwards it is one more stage."""
        number = len(self.layers)
        layer = self.directory / f"layer{number}"
        layer.mkdir(parents=True)
        if number == 0:
            yield layer
            stage = layer
        else:
            work = self.directory / f"work{number}"
            work.mkdir()
            live = self._mount(f"live{number}", self.layers, f",upperdir={layer},workdir={work},index=off")
            yield live
            self._unmount(live)
            stage = self._mount(f"stage{number}", [*self.layers, layer])
        self.layers.append(layer)
        self.stages.append(stage)

    def stack(self, name: str, layers: list[Path]) -> Path:
        """Mount other layers on top of each other, the lowest first."""
        return self._mount(name, layers)

    def close(self) -> None:
        for place in reversed(self._mounted[:]):
            self._unmount(place)

    def _mount(self, name: str, layers: list[Path], more: str = "") -> Path:
        place = self.directory / name
        place.mkdir()
        options = f"lowerdir={':'.join(str(layer) for layer in reversed(layers))}{more}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(place)], check=True, timeout=30)
        self._mounted.append(place)
        return place

    def _unmount(self, place: Path) -> None:
        subprocess.run(["umount", str(place)], check=True, timeout=30)
        self._mounted.remove(place)


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Overlay]:
    """Yield an overlay without stages; without the permission to mount skip the test, or fail it in CI."""
    if os.geteuid() != 0:
        unavailable("only root can mount overlays")
    with opened(tmp_path / "probe") as probe:
        try:
            for _ in range(2):
                with probe.changing():
                    pass
        except (OSError, subprocess.CalledProcessError) as error:
            unavailable(f"cannot mount an overlay in {tmp_path}: {error}")
    with opened(tmp_path / "overlay") as made:
        yield made


@contextmanager
def opened(directory: Path) -> Iterator[Overlay]:
    """Yield an overlay whose mounts end with the block."""
    made = Overlay(directory)
    try:
        yield made
    finally:
        made.close()
