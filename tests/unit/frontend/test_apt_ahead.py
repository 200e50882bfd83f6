"""Archives are decompressed ahead of dpkg, and dpkg gets what `dpkg-deb` itself would have given."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from frontend.distro import apt_ahead

pytestmark = pytest.mark.skipif(shutil.which("flock") is None, reason="needs flock, which every Debian has")

REAL = """\
#!/bin/sh
echo "$@" >> {log}
case $2 in *broken*) head -c 5 "$2"; echo "it is broken" >&2; exit 2 ;; *slow*) sleep 0.5 ;; esac
[ "$1" = --fsys-tarfile ] && cat "$2" || echo "$1"
"""


class Step:
    """A build step with archives, and programs in the place of those of Debian."""

    def __init__(self, top: Path, processors: int) -> None:
        self.place, self.log = top / "ahead", top / "log"
        self.log.touch()
        (top / "programs").mkdir()
        for name, text in {"dpkg-deb": REAL.format(log=self.log), "nproc": f"#!/bin/sh\necho {processors}\n"}.items():
            (top / "programs" / name).write_text(text)
            (top / "programs" / name).chmod(0o755)
        self.path = f"{self.place}/bin:{top}/programs:/usr/bin:/bin"
        subprocess.run(["sh", "-euc", apt_ahead.set_up(str(self.place))], check=True)

    def start(self, *archives: Path) -> None:
        """Do what apt does before dpkg begins."""
        said = "".join(f"{each}\n" for each in archives)
        environment = {"PATH": self.path}
        subprocess.run(["sh", f"{self.place}/start"], env=environment, input=said, text=True, check=True, timeout=20)

    def asked(self, *words: object) -> subprocess.CompletedProcess[bytes]:
        """Do what dpkg does."""
        argv = ["/usr/bin/env", "dpkg-deb", *map(str, words)]
        return subprocess.run(argv, env={"PATH": self.path}, capture_output=True, check=False, timeout=20)

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()

    def wait(self, name: str, number: int = 1) -> None:
        """Wait until so many archives of this name are ready."""
        last = time.monotonic() + 20
        while len(list(self.place.glob(f"*{name}*/tar"))) < number:
            assert time.monotonic() < last
            time.sleep(0.01)


def archive(top: Path, name: str, size: int = 300_000) -> Path:
    made = top / f"{name}_1%3a2_amd64.deb"
    made.write_bytes(name.encode() * (size // len(name)))
    return made


def test_dpkg_gets_what_is_ready_once(tmp_path: Path) -> None:
    step, first, small = Step(tmp_path, 2), archive(tmp_path, "first"), archive(tmp_path, "small", 3000)
    linked = tmp_path / "00-first.deb"
    linked.symlink_to(first)  # apt gives dpkg such names
    step.start(small, first)
    step.wait("first")
    assert step.calls() == [f"--fsys-tarfile {first}"]
    assert step.asked("--fsys-tarfile", linked).stdout == first.read_bytes()
    assert step.calls() == [f"--fsys-tarfile {first}"]
    assert not list(step.place.rglob("tar"))  # memory is free again
    for each in (linked, small):
        assert step.asked("--fsys-tarfile", each).stdout == each.read_bytes()
    assert step.asked("--control", first, "directory").stdout == b"--control\n"
    assert len(step.calls()) == 4


@pytest.mark.slow
def test_who_comes_too_early_waits_for_what_is_begun(tmp_path: Path) -> None:
    step, slow = Step(tmp_path, 2), archive(tmp_path, "slow")
    step.start(slow)
    while not step.calls():
        time.sleep(0.01)
    assert step.asked("--fsys-tarfile", slow).stdout == slow.read_bytes()
    assert len(step.calls()) == 1


def test_what_dpkg_has_begun_is_not_read_again(tmp_path: Path) -> None:
    step, first, second = Step(tmp_path, 3), archive(tmp_path, "first"), archive(tmp_path, "second")
    step.asked("--fsys-tarfile", first)
    step.start(first, second)
    step.wait("second")
    assert step.calls() == [f"--fsys-tarfile {first}", f"--fsys-tarfile {second}"]


def test_dpkg_deb_itself_tells_what_is_broken(tmp_path: Path) -> None:
    step, broken, last = Step(tmp_path, 2), archive(tmp_path, "broken"), archive(tmp_path, "last")
    step.start(broken, last)
    step.wait("last")
    done = step.asked("--fsys-tarfile", broken)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"broke", b"it is broken\n")


def test_one_processor_reads_nothing_ahead(tmp_path: Path) -> None:
    step, only = Step(tmp_path, 1), archive(tmp_path, "only")
    step.start(only)
    time.sleep(0.1)
    assert not step.calls()
    assert step.asked("--fsys-tarfile", only).stdout == only.read_bytes()


@pytest.mark.slow
def test_memory_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While as much is ready as may be, no other archive is begun; that ends when dpkg takes something."""
    monkeypatch.setattr(apt_ahead, "_LIMIT", 2)
    step, archives = Step(tmp_path, 2), [archive(tmp_path, f"large{number}", 700_000) for number in range(3)]
    step.start(*archives)
    step.wait("large", 2)
    time.sleep(0.3)
    assert len(step.calls()) == 2
    step.asked("--fsys-tarfile", archives[0])
    step.wait("large2")
