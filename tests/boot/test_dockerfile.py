"""Dockerfiles that start FROM claylinux/imager, built by Docker and by podman, and booted."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from imager.build_image import EXTENSIONS
from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.answers import ask, page
from tests.support.dockerfile import TOLD
from tests.support.engine import REPOSITORY, Engine, digests
from tests.support.podman import Podman
from tests.support.secure_boot import make_signer
from tests.support.vm import boot, free_port, said

pytestmark = [pytest.mark.boot, pytest.mark.engine]

EPOCH = "1700000000"
SHELL = {
    "CMDLINE": "console=ttyS0",
    "INITTAB_TTYS": "ttyS0::respawn:/sbin/getty -n -l /bin/sh -L 0 ttyS0 vt100",
}
"""Build arguments of a base that open a shell on its serial port."""


def test_docker_and_podman_make_the_same_images_that_boot(
    engine: Engine, podman: Podman, small: Path, tmp_path: Path
) -> None:
    """Every format with its name, from two engines that share no code, with the caller's date and keys."""
    args = {"FORMATS": " ".join(EXTENSIONS), "SOURCE_DATE_EPOCH": EPOCH}
    by_docker, by_podman = tmp_path / "docker", tmp_path / "podman"
    project, secrets = signing(small, tmp_path)
    engine.buildx(project, *secrets, output=by_docker, build_args=args).check()
    podman.take(engine, "claylinux/imager")
    arguments = (f"--build-arg={name}={value}" for name, value in args.items())
    podman.build(project, *secrets, *arguments, f"--output={by_podman}")
    found = digests(by_docker)
    images = [f"claylinux.{extension}" for extension in EXTENSIONS.values()]
    assert sorted(found) == sorted((*images, *(f"{each}.pcrs.json" for each in images)))
    assert digests(by_podman) == found
    assert {int(path.stat().st_mtime) for path in by_docker.iterdir()} == {int(EPOCH)}
    machine = Machine(drives=(Drive(path=by_podman / "claylinux.img"),), memory_mib=512)
    with boot(machine) as console:
        end = console.expect(r"^token 42$", 90).start()
        told = dict(re.findall(r"^(\w+)=(.*?)\r?$", console.text[:end], re.MULTILINE))
        assert said(console.text)[0].startswith("this image is signed by CN=db ")
        assert console.wait_off(30) == 0
    assert told.pop("cmdline").startswith(TOLD["cmdline"])
    assert told.items() == {name: value for name, value in TOLD.items() if name != "cmdline"}.items()


def signing(small: Path, tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the small system with steps that sign, and the words of both engines that give them their keys."""
    project = tmp_path / "project"
    shutil.copytree(small, project)
    shutil.copy(make_signer(tmp_path).certificate, project)
    make_signer(tmp_path, "pcr")
    mounts = ("type=secret,id=db.key", "type=secret,id=pcr.key", "type=bind,source=db.crt,target=/db.crt")
    keys = "--secure-boot-key db.key --secure-boot-pcr-key pcr.key --secure-boot-cert /db.crt"
    text = (project / "Dockerfile").read_text()
    step = f"WORKDIR /run/secrets\nRUN {' '.join(f'--mount={each}' for each in mounts)}"
    text = text.replace("RUN --mount=from=system", f"{step} --mount=from=system")
    (project / "Dockerfile").write_text(text.replace("build-image --format", f"build-image {keys} --format"))
    return project, tuple(f"--secret=id={name},src={tmp_path / name}" for name in ("db.key", "pcr.key"))


def test_alpine_from_a_dockerfile_serves(alpine: Alpine, podman: Podman, tmp_path: Path) -> None:
    """The unchanged Dockerfile of examples/: Docker and podman build it, and nginx answers from podman's image.

    Podman leaves an empty resolv.conf in the system, which must not prevent DHCP from writing one.
    """
    engine, base = alpine.engine, f"claylinux-test/alpine-lts-{os.getpid()}"
    example = REPOSITORY / "examples/dockerfile-alpine"
    arguments = [f"--build-arg={name}={value}" for name, value in SHELL.items()]
    alpine.build(REPOSITORY / "bases", "--file=alpine-lts.yaml", "--target=image", f"--tag={base}", *arguments).check()
    try:
        name = f"--build-context=claylinux/alpine-lts=docker-image://{base}"
        engine.buildx(example, "--network=host", name, output=tmp_path / "docker").check()
        podman.take(engine, "claylinux/imager", base)
    finally:
        engine.docker("rmi", "--force", base)
    podman.run("tag", base, "localhost/claylinux/alpine-lts:latest")
    podman.build(example, "--network=host", f"--output={tmp_path / 'podman'}")
    images = [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert [str(path) for path in images] == ["docker/claylinux.img", "podman/claylinux.img"]
    port = free_port()
    drive = Drive(path=tmp_path / "podman/claylinux.img")
    with boot(Machine(drives=(drive,), network=True, forwards=((port, 80),), memory_mib=512)) as console:
        assert b"nginx" in page(port)
        console.expect(r"# $", 60)
        assert ask(console, "cat /etc/resolv.conf").split() == ["nameserver", "10.0.2.3"]
        assert ask(console, "hostname").strip() == "claylinux"
