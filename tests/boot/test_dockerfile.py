"""Dockerfiles that start FROM claylinux/imager, built by Docker and by podman, and booted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imager.build_image import EXTENSIONS
from localvm.machine import Drive, Machine
from tests.support.dockerfile import TOLD
from tests.support.engine import Engine, digests
from tests.support.podman import Podman
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

EPOCH = "1700000000"


def test_docker_and_podman_make_the_same_images_that_boot(
    engine: Engine, podman: Podman, small: Path, tmp_path: Path
) -> None:
    """Every format under its name, from two engines that share no code, with the date of the caller."""
    args = {"FORMATS": " ".join(EXTENSIONS), "SOURCE_DATE_EPOCH": EPOCH}
    by_docker, by_podman = tmp_path / "docker", tmp_path / "podman"
    engine.buildx(small, output=by_docker, build_args=args).check()
    podman.take(engine, "claylinux/imager")
    podman.build(small, *(f"--build-arg={name}={value}" for name, value in args.items()), f"--output={by_podman}")
    found = digests(by_docker)
    assert sorted(found) == sorted(f"claylinux.{extension}" for extension in EXTENSIONS.values())
    assert digests(by_podman) == found
    assert {int(path.stat().st_mtime) for path in by_docker.iterdir()} == {int(EPOCH)}
    machine = Machine(drives=(Drive(path=by_podman / "claylinux.img"),), memory_mib=512)
    with boot(machine) as console:
        end = console.expect(r"^token 42$", 90).start()
        assert dict(re.findall(r"^(\w+)=(.*?)\r?$", console.text[:end], re.MULTILINE)) == TOLD
        assert console.wait_off(30) == 0
