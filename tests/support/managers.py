"""Each package manager in turn, with a repository of its kind: the fixture `manager`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import apk_repository, apt_repository
from tests.support.alpine import Alpine
from tests.support.apk_repository import File, Package, SigningKey
from tests.support.apt_repository import Deb, Signer
from tests.support.engine import BuildResult, Engine

_SAY = "echo acme > /said"


@dataclass(frozen=True)
class Manager:
    """A system without repositories, and the directory `repository` with the signed package `acme`, which says so."""

    name: str
    engine: Engine
    project: Path
    repository: Path
    image: str
    source: str
    local: str
    """The file of the package `local`, which needs acme."""
    signer: Signer | None = None

    def build(self, text: str, *args: str, output: Path | str | None = None) -> BuildResult:
        """Build with the lines `text` after the base."""
        self.write(text)
        return self.engine.buildx(self.project, "--target=image", "--network=host", *args, output=output)

    def write(self, text: str) -> None:
        """Write the build file: the lines `text` are those after the second."""
        head = "# syntax=claylinux/frontend\nbase: {dockerfile: Dockerfile}\n"
        (self.project / "claylinux.yaml").write_text(head + text)

    def repositories(self, url: str) -> str:
        """Return the lines that name the repository."""
        return f"repositories:\n- {{url: '{url}', {self.source}}}\n"


@pytest.fixture(params=["apt", "apk2", "apk3"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Manager:
    """Debian's, Alpine's of today, and Alpine's until 3.22."""
    if request.param == "apt":
        return debian(request.getfixturevalue("engine"), tmp_path)
    found = {"apk2": "alpine_official", "apk3": "alpine_apk3"}[request.param]
    return _alpine(request.getfixturevalue(found), request.param, tmp_path)


def debian(engine: Engine, tmp_path: Path) -> Manager:
    """Return apt."""
    project, repository = _directories(tmp_path)
    signer = Signer.make(tmp_path / "gpg")
    apt_repository.publish([Deb(name="acme", postinst=_SAY)], signer, repository)
    shutil.copy(signer.public, project / "key.asc")
    local = Deb(name="local", depends="acme")
    (project / local.file).write_bytes(local.pack())
    image, source = "debian:trixie", "suites: stable, key: {source: key.asc}"
    (project / "Dockerfile").write_text(f"FROM {image}\nRUN rm -rf /etc/apt/sources.list /etc/apt/sources.list.d\n")
    return Manager("apt", engine, project, repository, image, source, local.file, signer)


def _alpine(alpine: Alpine, name: str, tmp_path: Path) -> Manager:
    project, repository = _directories(tmp_path)
    files = {"usr/share/acme": File(content=b"acme\n")}
    acme = Package(name="acme", files=files, scripts={"post-install": f"#!/bin/sh\n{_SAY}\n"})
    key = SigningKey.make(project, "acme.rsa.pub")
    apk_repository.publish([acme], key, repository)
    local = Package(name="local", files={"usr/share/local": File(content=b"local\n")}, depends=("acme",))
    apk_repository.publish([local], key, tmp_path / "local")
    (file,) = (tmp_path / "local").rglob("local-*.apk")
    shutil.copy(file, project)
    (project / "Dockerfile").write_text(f"FROM {alpine.image}\nRUN : > /etc/apk/repositories\n")
    source = "key: {source: acme.rsa.pub}"
    return Manager(name, alpine.engine, project, repository, alpine.image, source, file.name)


def _directories(tmp_path: Path) -> tuple[Path, Path]:
    project, repository = tmp_path / "project", tmp_path / "repository"
    project.mkdir()
    repository.mkdir()
    return project, repository
