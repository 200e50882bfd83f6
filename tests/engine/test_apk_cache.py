"""One engine, two projects: a stranger writes into apk's cache, and another project builds."""

from __future__ import annotations

import random
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.alpine import Alpine
from tests.support.apk_repository import File, Package, SigningKey, publish, serve
from tests.support.shared_cache import Projects

pytestmark = pytest.mark.engine

BASE = """\
FROM {image}
COPY <<END /etc/apk/keys/{key}
{text}
END
RUN echo {url} > /etc/apk/repositories
"""

MACHINE = "x86_64"


def wanted(said: str, version: str = "1.0-r0", name: str = "wanted") -> Package:
    script = f"#!/bin/sh\necho {said} > /ran-{name}\n"
    files = {f"usr/share/{name}": File(content=said.encode())}
    return Package(name=name, version=version, files=files, scripts={"post-install": script})


@dataclass(frozen=True)
class Case:
    """Two projects, the repository that both take packages from, and one of a stranger who has a key of his own."""

    projects: Projects
    key: SigningKey
    repository: Path
    asked: list[str]

    def publish(self, *packages: Package) -> None:
        publish(list(packages), self.key, self.repository)


@pytest.fixture
def case(alpine: Alpine, tmp_path: Path) -> Iterator[Case]:
    for name in ("key", "repository", "strange"):
        (tmp_path / name).mkdir()
    key = SigningKey.make(tmp_path / "key")
    repository = tmp_path / "repository"
    with serve(repository) as (url, asked):
        projects = Projects(
            engine=alpine.engine,
            folder=tmp_path,
            namespace=f"test-{time.time_ns()}",
            family="apk",
            program="apk",
            real="/sbin/apk",
            dockerfile=BASE.format(image=alpine.image, key=key.name, text=key.public.read_text(), url=url),
        )
        case = Case(projects, key, repository, asked)
        case.publish(wanted("good"), wanted("good", name="other"))
        yield case


def strange(folder: Path) -> dict[str, bytes]:
    """Return the files of a repository with the same package, which does harm and has another signature."""
    key = SigningKey.make(folder / "strange", "strange.rsa.pub")
    publish([wanted("evil"), wanted("evil", "9.0-r0")], key, folder / "strange")
    return {path.name: path.read_bytes() for path in (folder / "strange" / MACHINE).iterdir()}


def test_what_is_intact_is_not_downloaded_again(case: Case) -> None:
    assert case.projects.build()["ran-wanted"] == b"good\n"
    case.asked.clear()
    assert case.projects.build("wanted, other")["ran-wanted"] == b"good\n"
    assert [name for name in case.asked if name.endswith(".apk")] == ["other-1.0-r0.apk"]


SHAPES = {
    "x-fifo": 'rm "$file"; mkfifo "$file"',
    "x-folder": 'rm "$file"; mkdir -p "$file/x"',
    "x-symlink": 'cp /evil/wanted-1.0-r0.apk /target; ln -sf /target "$file"',
    "x-hardlink": 'ln "$file" more.apk',
}
PLACES = """\
index=$(echo APKINDEX.*)
cp /evil/APKINDEX.tar.gz "$index"
mkfifo APKINDEX.00000000.tar.gz
tar -xzOf /evil/APKINDEX.tar.gz APKINDEX > installed
for name in ' ' -rf '*' "$(printf 'a\\nb.apk')" -x.apk; do
  cp /evil/APKINDEX.tar.gz "./$name"
done
"""


def test_whatever_lies_there_a_build_works(case: Case, tmp_path: Path) -> None:
    """Links lead nowhere, pipes are not waited for, names are no options; lists are taken anew."""
    case.publish(*(wanted("good", name=name) for name in SHAPES))
    names = ", ".join(SHAPES)
    script = "".join(f"file=$(echo {name}-1.0-r0.*.apk)\n{shape}\n" for name, shape in SHAPES.items())
    case.projects.attack(script + PLACES, strange(tmp_path), names)
    files = case.projects.build(names)
    assert [name for name in SHAPES if files[f"ran-{name}"] != b"good\n"] == []


@pytest.mark.parametrize("shape", ["cp /evil/wanted-1.0-r0.apk", "truncate -s 100", "truncate -s 1G"])
def test_a_package_of_a_stranger_is_refused(case: Case, tmp_path: Path, shape: str) -> None:
    """By apk, which knows what it wants by hash; and not for ever."""
    case.projects.attack(f"{shape} wanted-1.0-r0.*.apk", strange(tmp_path))
    assert "the package cache is empty now" in case.projects.fail()
    assert case.projects.build()["ran-wanted"] == b"good\n"


def test_an_older_kernel_is_not_taken(alpine: Alpine, case: Case, tmp_path: Path) -> None:
    """It is as signed as the new one. `apk fetch` leaves a file alone that has the right name and size."""
    name = "linux-virt-6.1.0-r0.apk"
    real = (alpine.key.directory / "repository/own" / MACHINE / name).stat().st_size
    old = older_kernel(alpine.key, tmp_path, real)
    assert len(old) == real
    case.projects.attack(f"mkdir -p kernels\ncp /evil/old {name}\ncp /evil/old kernels/{name}", {"old": old})
    project, archive = tmp_path / "kernel", tmp_path / "kernel.tar"
    project.mkdir()
    (project / "claylinux.yaml").write_text("# syntax=claylinux/frontend\nbase: alpine-virt\n")
    namespace = f"--build-arg=BUILDKIT_CACHE_MOUNT_NS={case.projects.namespace}"
    alpine.build(project, "--target=image", namespace, output=f"type=tar,dest={archive}").check()
    with tarfile.open(archive) as tar:
        assert tar.getmember("boot/vmlinuz-virt").size > 1_000_000


def older_kernel(key: SigningKey, folder: Path, size: int) -> bytes:
    """Return a signed kernel package of an older version and of this size."""
    file, content = folder / MACHINE / "linux-virt-6.0.0-r0.apk", b""
    noise, length = random.Random(1), size - 2000
    while len(content) != size:
        files = {"boot/vmlinuz-virt": File(content=b"old"), "noise": File(content=noise.randbytes(length))}
        publish([Package(name="linux-virt", version="6.0.0-r0", files=files)], key, folder)
        content = file.read_bytes()
        length += size - len(content)
    return content


def test_an_old_state_of_the_repository_is_no_longer_taken(case: Case) -> None:
    case.projects.attack("find . -type f -exec touch -d '2037-01-01 00:00:00' {} +")
    case.publish(wanted("newer", "2.0-r0"))
    assert case.projects.build()["ran-wanted"] == b"newer\n"
