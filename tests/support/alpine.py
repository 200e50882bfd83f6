"""Alpine for tests: images that presets start from, and package repositories in their reach.

`alpine` is the newest official image at hand, with apk-tools 2 unless a registry has the one of the presets. Where
Alpine's mirror answers, its packages are taken; elsewhere the signed ones of the shared data, and stand-ins for kernel
and nginx. `alpine_apk3` is Alpine 3.23 with apk-tools 3 and a merged /usr. `alpine_arm64` is Alpine for arm64.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from frontend.distro.registry import PRESETS
from localengine.places import data_dir
from tests.support.alpine_data import MACHINES, installed_system, signed_packages
from tests.support.alpine_packages import applications, kernels, made_up, of_updates
from tests.support.apk_repository import Package, SigningKey, publish, serve
from tests.support.engine import BuildResult, Engine, ToolError, out_of_reach, run_tool

PRESET_IMAGE = PRESETS["alpine-lts"].image_of(None)
OFFICIAL = "alpine:3.19"
"""The release that the shared data has packages of."""
OFFICIAL_ARM64 = "alpine:3.13"
_MIRROR_SECONDS = 10
# As installed in a virtual machine that boots by other means, and with a service of its owner's. curl and
# e2fsprogs-extra stay, as no repository in reach has those of this release.
_PLAIN = """\
RUN apk del --no-network --quiet linux-virt mkinitfs cloud-utils-growpart sudo dhcpcd
RUN rm -rf /etc/runlevels/*/* /lost+found \\
 && for file in /etc/init.d/*; do apk info -q --who-owns "$file" >/dev/null || rm "$file"; done \\
 && sed -i '/^rc_/d' /etc/rc.conf
"""
# The programs are called by their loader, as the links on the way to them are what changes.
_MERGED_USR = """\
RUN for dir in bin sbin lib; do cp -a /$dir/. /usr/$dir/; done \\
 && for dir in bin sbin lib; do \\
  /usr/lib/ld-musl-*.so.1 /usr/bin/busybox rm -rf /$dir \\
  && /usr/lib/ld-musl-*.so.1 /usr/bin/busybox ln -s usr/$dir /$dir; done
"""


@dataclass(frozen=True)
class Alpine:
    """An image in the engine that stands in for the base image of presets."""

    engine: Engine
    image: str
    key: SigningKey
    asked: list[str]
    """The names of the files that apk asked for, in order."""
    platform: str = "linux/amd64"
    mirror: bool = False
    """Whether all packages are those of Alpine's mirror."""

    @property
    def words(self) -> tuple[str, ...]:
        """What buildx needs to be told. Only the step's network reaches the loopback interface with the packages."""
        stand_in = f"--build-context={PRESET_IMAGE}=docker-image://{self.image}"
        return ("--network=host", f"--platform={self.platform}", stand_in)

    def build(self, directory: Path, *args: str, output: Path | str | None = None) -> BuildResult:
        """Build a project."""
        return self.engine.buildx(directory, *self.words, *args, output=output)

    def downloads(self) -> list[str]:
        """Return the packages requested since the last call."""
        found = [name for name in self.asked if name.endswith(".apk")]
        self.asked.clear()
        return found


@pytest.fixture
def alpine(alpine_official: Alpine) -> Alpine:
    """The Alpine of most tests; a module may take several in its place."""
    return alpine_official


@pytest.fixture(scope="session")
def alpine_official(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    """Alpine whose packages are in reach. Skips the test where they are nowhere to be had."""
    base, signed = _official(engine, PRESET_IMAGE, OFFICIAL)
    mirror = signed is None
    packages = made_up() if mirror else [*kernels(), *applications(), *made_up()]
    with serving(engine, tmp_path_factory.mktemp("alpine"), base, packages, signed, mirror=mirror) as made:
        yield made


@pytest.fixture(scope="session")
def alpine_apk3(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    """Alpine 3.23 with apk-tools 3 and a merged /usr; what it lacks is of 3.19."""
    signed = signed_packages(_folder(OFFICIAL), "amd64")
    if signed is None:
        out_of_reach("the shared data (CLAYLINUX_DATA), with packages of Alpine 3.19, is not here")
    base = f"claylinux-test/alpine-installed-{os.getpid()}"
    _import(engine, installed_system("amd64"), base)
    packages = [*kernels(), *applications(), *of_updates(signed), *made_up()]
    folder = tmp_path_factory.mktemp("alpine3")
    with serving(engine, folder, base, packages, signed, steps=_PLAIN + _MERGED_USR) as made:
        yield made
    engine.docker("rmi", base)


@pytest.fixture(scope="session")
def alpine_arm64(engine: Engine, arm64: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    """Alpine for arm64: the presets' release where a registry and the mirror have it, 3.13 elsewhere."""
    folder = tmp_path_factory.mktemp("alpine-arm64")
    if engine.registry_has(PRESET_IMAGE) and mirror_answers(engine, PRESET_IMAGE):
        with serving(engine, folder, PRESET_IMAGE, made_up(), None, architecture="arm64", mirror=True) as made:
            yield made
        return
    signed = signed_packages(f"{_folder(OFFICIAL_ARM64)}-{MACHINES['arm64']}", "arm64")
    if signed is None:
        out_of_reach(f"neither Alpine's mirror nor the shared data (CLAYLINUX_DATA) has {OFFICIAL_ARM64} for arm64")
    packages = [*kernels("arm64"), *made_up()]
    with (
        engine.stand_in(OFFICIAL_ARM64, "arm64") as base,
        serving(engine, folder, base, packages, signed, architecture="arm64") as made,
    ):
        yield made


def _folder(image: str) -> str:
    """Return what the shared data calls the packages for an official image."""
    return image.replace(":", "-")


def _official(engine: Engine, *images: str) -> tuple[str, Path | None]:
    """Have the first of the images that can be had with its packages; None in their place is Alpine's mirror."""
    said = []
    for image in images:
        try:
            run_tool("base-image", image)
        except ToolError as error:
            said.append(str(error))
            continue
        if mirror_answers(engine, image):
            return image, None
        if signed := signed_packages(_folder(image), "amd64"):
            return image, signed
        said.append(f"{image} has no packages")
    assert not any(data_dir().rglob("alpine-minirootfs-*")), said
    out_of_reach(
        f"neither a registry with Alpine's mirror nor the shared data (CLAYLINUX_DATA) has {' or '.join(images)}"
    )
    raise AssertionError


def mirror_answers(engine: Engine, image: str) -> bool:
    """Ask for the index of each repository that the image knows."""
    lines = engine.docker("run", "--rm", "--network=none", image, "cat", "/etc/apk/repositories").split()
    try:
        for line in lines:
            with urlopen(f"{line}/{MACHINES['amd64']}/APKINDEX.tar.gz", timeout=_MIRROR_SECONDS):
                pass
    except OSError:
        return False
    return bool(lines)


def _import(engine: Engine, system: Path, image: str) -> None:
    """Make an image of an installed system, without its kernel."""
    left_out = ("--exclude=./.dockerenv", "--exclude=./boot", "--exclude=./lib/modules")
    with subprocess.Popen(
        ["tar", "--create", "--numeric-owner", f"--directory={system}", *left_out, "."], stdout=subprocess.PIPE
    ) as tar:
        change = '--change=CMD ["/bin/sh"]'
        importing = ["docker", "import", change, "-", image]
        subprocess.run(importing, env=engine.env, stdin=tar.stdout, capture_output=True, timeout=120, check=True)
    assert tar.returncode == 0


@contextmanager
def serving(
    engine: Engine,
    folder: Path,
    base: str,
    packages: list[Package],
    signed: Path | None,
    *,
    architecture: str = "amd64",
    steps: str = "",
    mirror: bool = False,
) -> Iterator[Alpine]:
    """Make an image of `base` that knows our packages and the signed ones, and serve both."""
    key = SigningKey.make(folder, f"{folder.name}.rsa.pub")
    publish(packages, key, folder / "repository/own", MACHINES[architecture])
    if signed is not None:
        (folder / "repository/signed").symlink_to(signed)
    image = f"claylinux-test/{folder.name}-{os.getpid()}"
    with serve(folder / "repository") as (url, asked):
        own = f"{url}/own" if mirror else f"{url}/own\\n{url}/signed"
        write = f"RUN printf '{own}\\n' {'>>' if mirror else '>'} /etc/apk/repositories\n"
        (folder / "Dockerfile").write_text(f"FROM {base}\n{steps}COPY {key.name} /etc/apk/keys/\n{write}")
        (folder / ".dockerignore").write_text("repository\n")
        platform = f"linux/{architecture}"
        engine.buildx(folder, f"--tag={image}", f"--platform={platform}", "--file=Dockerfile").check()
        try:
            yield Alpine(engine, image, key, asked, platform, mirror)
        finally:
            engine.docker("rmi", image)
