"""Faults in the middle of builds: killed engines and clients, full disks, many builds at once, broken registries.

Whatever happened: a build that fails says why, and the same build gives the right image afterwards. The right image is
that of a build which uses no cache. An output directory has no file that is half of one, unless Docker's client, or the
engine that it reads from, was interrupted while the client wrote: that is counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.campaigns.running import Tally, main, rounds
from tests.support.engine import BuildResult, Engine, digests, environment, run_tool, throwaway
from tests.support.faulty_registry import FAULTS, registry
from tests.support.memory import watched
from tests.support.vm import debian_file, newest_kernel

ROOM = 8 << 30
"""The size of the disk of the engine, which is in memory, unless it is to be full."""
AT_ONCE = 20
_SECONDS = 180.0
_LAST = 25
"""So many lines of a log does a terminal show."""
_FILE = """\
# syntax=claylinux/frontend
base: {base}
name: {name}
run:
  - head -c 30000000 /dev/zero | tr '\\0' x > /big
  - sleep 1; echo {name} > /etc/name
outputs: [efi, raw]
"""
_CONTEXT = "{context: base}"


@dataclass
class Lab:
    """An engine of its own, whose disk is `disk`, and a place for projects."""

    start: Callable[[], Engine]
    engine: Engine
    disk: Path
    top: Path
    base: Path
    number: int = 0
    seconds: float = 0.0
    """How long a build takes that nothing disturbs."""
    growth: int = 0
    """What it leaves on the disk."""

    def project(self, base: str = _CONTEXT) -> Path:
        """Return a project that was never built."""
        self.number += 1
        project = self.top / f"project-{self.number}"
        project.mkdir()
        (project / "claylinux.yaml").write_text(_FILE.format(name=project.name, base=base))
        return project

    def build(self, project: Path, *, no_cache: bool = False, out: str = "out") -> BuildResult:
        return self.engine.buildx(project, *self.flags(), output=project / out, no_cache=no_cache, timeout=_SECONDS)

    def flags(self) -> tuple[str, ...]:
        return (f"--build-context=base={self.base}",)

    @contextmanager
    def building(self, project: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Yield a client at work."""
        words = ["docker", "buildx", "build", "--progress=plain", "--file=claylinux.yaml", "--output=out"]
        with (project / "log").open("wb") as log:
            argv = [*words, *self.flags(), "."]
            with subprocess.Popen(argv, cwd=project, env=self.engine.env, stdout=log, stderr=log) as client:
                yield client
                client.wait(timeout=_SECONDS)

    def room(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.disk)], check=True)

    def check(self, project: Path, kind: str, tally: Tally, *, parts: bool = False) -> None:
        """Build again what was disturbed, and without any cache; both are the same, or it is a failure.

        `parts`: Docker's client was interrupted, which writes outputs under their own names and leaves what it has.
        """
        tally.inputs += 1
        again = self.build(project, out="again")
        fresh = self.build(project, no_cache=True, out="fresh")
        if again.returncode or fresh.returncode:
            tally.fail(f"{kind}: cannot be built afterwards", again.log + fresh.log)
            return
        right = digests(project / "fresh")
        if digests(project / "again") != right or len(right) != 2:
            tally.fail(f"{kind}: another image", f"{digests(project / 'again')} {right}")
        spoilt = {name for name, digest in digests(project / "out").items() if digest != right.get(name)}
        if spoilt and parts:
            tally.outcomes[f"{kind} while it wrote"] += 1
        elif spoilt:
            tally.fail(f"{kind}: half-written", str(sorted(spoilt)))
        shutil.rmtree(project)


def killed_engine(lab: Lab, random: Random, tally: Tally) -> None:
    """End the engine like a power failure at any time of a build."""
    project = lab.project()
    with lab.building(project):
        time.sleep(random.uniform(0.2, lab.seconds))
        lab.engine.kill()
    lab.engine = lab.start()
    tally.outcomes["engine killed"] += 1
    lab.check(project, "engine killed", tally, parts=True)


def killed_client(lab: Lab, random: Random, tally: Tally) -> None:
    """End the client at any time."""
    project = lab.project()
    with lab.building(project) as client:
        time.sleep(random.uniform(0.2, lab.seconds))
        client.kill()
    tally.outcomes["client killed"] += 1
    lab.check(project, "client killed", tally, parts=True)


def full_disk(lab: Lab, random: Random, tally: Tally) -> None:
    """Let the engine's disk be full somewhere in the build."""
    project = lab.project()
    lab.room(shutil.disk_usage(lab.disk).used + int(lab.growth * random.uniform(0.05, 0.9)))
    try:
        result = lab.build(project)
    finally:
        lab.room(ROOM)
    _judge(result, project, "disk full", ("no space left", "disk quota"), tally)
    lab.check(project, "disk full", tally)


def full_output(lab: Lab, random: Random, tally: Tally) -> None:
    """Let the disk be full that the output goes to.

    Docker's client writes there. It reports failure in its own words, such as EOF, and leaves what it has written.
    """
    project = lab.project()
    size = sum(path.stat().st_size for path in (lab.top / "first").iterdir())
    (project / "out").mkdir()
    limit = f"size={int(size * random.uniform(0.05, 0.9))}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", limit, "tmpfs", str(project / "out")], check=True)
    try:
        result = lab.build(project)
    finally:
        subprocess.run(["umount", str(project / "out")], check=True)
    tally.outcomes["output full"] += 1
    if not result.returncode:
        tally.fail("output full: not noticed", result.log)
    lab.check(project, "output full", tally, parts=True)


def at_once(lab: Lab, random: Random, tally: Tally, count: int = AT_ONCE) -> None:
    """Build different files at the same time."""
    projects = [lab.project() for _ in range(count)]
    results: dict[Path, BuildResult] = {}

    def build(project: Path) -> None:
        results[project] = lab.engine.buildx(project, *lab.flags(), output=project / "out", timeout=_SECONDS * 10)

    threads = [threading.Thread(target=build, args=(project,)) for project in projects]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for project, result in results.items():
        tally.outcomes["at once"] += 1
        if result.returncode:
            tally.fail("at once: does not build", result.log)
        lab.check(project, "at once", tally)


def broken_registry(lab: Lab, random: Random, tally: Tally) -> None:
    """Take the base from a registry that is slow, lies, or closes the connection."""
    for fault, comes_through in FAULTS.items():
        with registry(lab.base, f"image-{lab.number}", fault) as server:
            project = lab.project(f"{{image: {server.image}}}")
            result = lab.build(project)
        kind = f"registry {fault}"
        tally.inputs += 1
        if comes_through:
            tally.outcomes[kind] += 1
            if result.returncode or len(digests(project / "out")) != 2:
                tally.fail(f"{kind}: does not build", result.log)
        else:
            _judge(result, project, kind, ("digest", "eof", "closed", "size"), tally)
        shutil.rmtree(project)


Kind = Callable[[Lab, Random, Tally], None]
KINDS: tuple[Kind, ...] = (killed_engine, killed_client, full_disk, full_output, at_once, broken_registry)
RARE = frozenset((at_once, broken_registry))
"""These take as long as all others together, and chance decides less in them: one round in ten has them."""


def _judge(result: BuildResult, project: Path, kind: str, words: tuple[str, ...], tally: Tally) -> None:
    """A build that has failed says why, and leaves nothing; one that came through is fine as well."""
    if result.returncode == 0:
        tally.outcomes[f"{kind}, not noticed"] += 1
        if kind.startswith("registry"):
            tally.fail(f"{kind}: believed", result.log)
        return
    tally.outcomes[kind] += 1
    # The last line, or the output of the step that it points to.
    last = "\n".join(result.log.splitlines()[-_LAST:]).lower()
    if not any(word in last for word in words) or "traceback" in last:
        tally.fail(f"{kind}: unclear", result.log[-3000:])
    if (project / "out").exists() and any((project / "out").iterdir()):
        tally.fail(f"{kind}: left something", str(sorted(path.name for path in (project / "out").iterdir())))


@contextmanager
def laboratory(engine: Engine, top: Path) -> Iterator[Lab]:
    """Bring up an engine whose disk is in memory, and measure a build."""
    base, disk = top / "base", top / "engine"
    (base / "bin").mkdir(parents=True)
    disk.mkdir()
    for place in ("boot", "sbin", "etc"):
        (base / place).mkdir()
    shutil.copy(debian_file("busybox-static", "./bin/busybox"), base / "bin/busybox")
    for name in ("sh", "head", "tr", "sleep", "echo"):
        (base / "bin" / name).symlink_to("busybox")
    shutil.copy(debian_file(newest_kernel(), "./boot/vmlinuz-*"), base / "boot")
    (base / "sbin/init").symlink_to("../bin/busybox")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(disk)], check=True)
    try:
        with throwaway(engine, disk / "data") as start:
            lab = Lab(start, start(), disk, top, base)
            lab.build(lab.project()).check()
            before = shutil.disk_usage(disk).used
            project = lab.project()
            lab.seconds = lab.build(project).check().seconds
            lab.growth = shutil.disk_usage(disk).used - before
            shutil.copytree(project / "out", top / "first")
            yield lab
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _round(lab: Lab, number: int, random: Random, tally: Tally) -> None:
    for kind in KINDS:
        if kind in RARE and number % 10:
            continue
        kind(lab, random, tally)
        print(f"{kind.__name__}: {dict(tally.outcomes)} {dict(tally.failures)}", file=sys.stderr, flush=True)
    # Otherwise the layers of all rounds fill the disk, which is memory.
    lab.engine.docker("builder", "prune", "--all", "--force", timeout=_SECONDS)


def campaign(seconds: float, seed: int) -> Tally:
    """Run rounds of one fault of each kind."""
    run_tool("engine", "up")
    run_tool("frontend-image")
    tally = Tally()
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as top,
        laboratory(Engine(environment()), Path(top)) as lab,
        watched(lab.engine.daemon, tally.peaks),
    ):
        for number, random in enumerate(rounds(seconds, seed)):
            _round(lab, number, random, tally)
    return tally


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main("faults", campaign, sys.argv[1:]))
