"""One engine, two projects: a stranger writes into apt's caches, and another project builds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support.apk_repository import serve
from tests.support.apt_repository import Deb, Signer, publish
from tests.support.engine import Engine
from tests.support.shared_cache import Projects

pytestmark = pytest.mark.engine

GOOD = Deb(name="wanted", postinst="echo good > /ran")
EVIL = Deb(name="wanted", postinst="echo evil > /ran")
BASE = """\
FROM debian:trixie
RUN rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
COPY <<END /etc/apt/keyrings/test.asc
{key}
END
RUN echo 'deb [signed-by=/etc/apt/keyrings/test.asc] {url} stable main' > /etc/apt/sources.list
"""


@dataclass(frozen=True)
class Case:
    """Two projects and the repository that both take packages from."""

    projects: Projects
    signer: Signer
    repository: Path
    asked: list[str]

    def publish(self, *packages: Deb) -> None:
        publish(packages, self.signer, self.repository)


@pytest.fixture
def case(engine: Engine, tmp_path: Path) -> Iterator[Case]:
    signer = Signer.make(tmp_path / "gpg")
    repository = tmp_path / "repository"
    publish([GOOD, Deb(name="other")], signer, repository)
    with serve(repository) as (url, asked):
        projects = Projects(
            engine=engine,
            folder=tmp_path,
            namespace=f"test-{time.time_ns()}",
            family="apt",
            program="apt-get",
            real="/usr/bin/apt-get",
            dockerfile=BASE.format(key=signer.public.read_text(), url=url),
        )
        yield Case(projects, signer, repository, asked)


def test_what_is_intact_is_not_downloaded_again(case: Case) -> None:
    """Neither a list nor a package, also beside other ones."""
    assert case.projects.build()["ran"] == b"good\n"
    assert {"Packages.gz", GOOD.file} <= set(case.asked)
    case.asked.clear()
    assert case.projects.build("wanted, other")["ran"] == b"good\n"
    assert [name for name in case.asked if name != "InRelease"] == ["other_1.0_amd64.deb"]


class Together(SimpleHTTPRequestHandler):
    """Sends a package only when as many are asked for at the same time."""

    number = 4
    met: ClassVar = threading.Barrier(number, timeout=60)

    def do_GET(self) -> None:
        if self.path.endswith(".deb"):
            self.met.wait()
        super().do_GET()


def test_several_packages_come_over_several_connections(case: Case) -> None:
    """apt alone would have one; what does not come that way, it downloads as ever."""
    packages = [Deb(name=f"part{number}", postinst=f"echo good > /ran-{number}") for number in range(Together.number)]
    case.publish(*packages)
    with serve(case.repository, Together) as (url, asked):
        projects = replace(case.projects, dockerfile=BASE.format(key=case.signer.public.read_text(), url=url))
        files = projects.build(", ".join(each.name for each in packages))
    assert [files[f"ran-{number}"] for number in range(Together.number)] == [b"good\n"] * Together.number
    assert sorted(name for name in asked if name.endswith(".deb")) == [each.file for each in packages]


def test_a_damaged_package_is_not_taken_from_any_connection(case: Case) -> None:
    names = [f"part{number}" for number in range(4)]
    case.publish(*(Deb(name=name, postinst="echo good > /ran") for name in names))
    broken = case.repository / "pool" / Deb(name=names[0]).file
    real = broken.read_bytes()
    broken.write_bytes(EVIL.pack(len(real)))
    assert "a package cannot be downloaded" in case.projects.fail(", ".join(names))
    broken.write_bytes(real)
    case.asked.clear()
    assert case.projects.build(", ".join(names))["ran"] == b"good\n"
    assert {name for name in case.asked if name.endswith(".deb")} == {broken.name}


SPOILT = f"""\
mv packages/checked/*.deb packages/
cat /evil/deb > packages/{GOOD.file}
"""
LIST = """\
list=$(echo lists/*_Packages)
cp -p "$list" /tmp/list
sed -i "s/$(sha256sum /evil/real | cut -c1-64)/$(sha256sum /evil/deb | cut -c1-64)/" "$list"
touch -r /tmp/list "$list"
"""
INDEX = """\
apt-cache -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" gencaches
cp -p /tmp/list "$list"
"""


@pytest.mark.parametrize("attack", [SPOILT, SPOILT + LIST, SPOILT + LIST + INDEX], ids=["deb", "list", "index"])
def test_nothing_of_a_stranger_is_installed(case: Case, attack: str) -> None:
    """A package of the right name and size; a list that says so; apt's own index of such a list."""
    real = GOOD.pack()
    case.projects.attack(attack, {"real": real, "deb": EVIL.pack(len(real))})
    assert case.projects.build()["ran"] == b"good\n"


SHAPES = {
    "x-fifo": 'rm "$file"; mkfifo "$file"',
    "x-folder": 'rm "$file"; mkdir "$file"; touch "$file/x"',
    "x-huge": 'truncate -s 1G "$file"',
    "x-short": 'truncate -s 100 "$file"',
    "x-symlink": 'cp /evil/deb /target; ln -sf /target "$file"',
    "x-hardlink": 'ln "$file" packages/more.deb',
    "x-killed": 'mv "$file" packages/checked; cat /evil/deb > packages/checked/${file##*/}',
    "x-part": 'cat /evil/deb > packages/checked/partial/${file##*/}; rm "$file"',
}
PLACES = """\
rm -rf lists/*
ln -s /etc/passwd packages/checked/x-short_1.0_amd64.deb
ln -s /usr/bin lists/partial
ln -s /etc/passwd lists/x_Packages
mkfifo lists/x_InRelease
for name in ' ' -rf '*' "$(printf 'a\\nb_1.0_amd64.deb')" -x_Packages; do
  cat /evil/deb > "packages/$name"
  cat /evil/deb > "lists/$name"
done
"""


def test_whatever_lies_there_a_build_works(case: Case) -> None:
    """Links lead nowhere, pipes are not waited for, names are no options; and nobody reads 1 GiB of nothing."""
    packages = [Deb(name=name, postinst=f"echo good > /ran-{name}") for name in SHAPES]
    case.publish(*packages)
    names = ", ".join(SHAPES)
    script = "mv packages/checked/*.deb packages/\n"
    script += "".join(f"file=packages/{name}_1.0_amd64.deb\n{shape}\n" for name, shape in SHAPES.items())
    case.projects.attack(script + PLACES, {"deb": EVIL.pack()}, names)
    files = case.projects.build(names)
    assert [name for name in SHAPES if files[f"ran-{name}"] != b"good\n"] == []
    assert files["etc/passwd"].startswith(b"root:")


def test_an_old_state_of_the_repository_is_no_longer_taken(case: Case) -> None:
    """It is signed, and its packages too: kept with a time of the future, no server would send a newer one."""
    case.projects.attack("find . -type f -exec touch -d 2037-01-01 {} +")
    case.publish(Deb(name="wanted", version="2.0", postinst="echo newer > /ran"))
    assert case.projects.build()["ran"] == b"newer\n"
