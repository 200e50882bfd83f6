#!/usr/bin/env python3
"""Build, change a little, build again: ours against a Dockerfile with the classic pipeline, and against cp.

Also against the minimum for any build: a Dockerfile that only copies the finished disk after a line has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from archives import busybox
from measure import conditions, run, table
from noop import PROXIES
from vertices import Vertex, parse, waterfall

from localengine.cli import environment
from localengine.commands import exit_code_of
from localengine.errors import EngineError
from localengine.places import cache_dir
from localengine.say import say

BENCH = Path(__file__).resolve().parent
FILES = {"ours": "claylinux.yaml", "classic": "Dockerfile"}
"""The contestants with their build files."""
LEAST = "the least"
DISK = "rebuild.img"
FIRST_PACKAGE = "curl"
"""A package in both build files; other packages go before it."""
LINE = "<p>Nothing has changed.\n"
CHANGED = Path("site/index.html")
SMALL = (
    "bc", "bsdextrautils", "cowsay", "dc", "dos2unix", "ed", "figlet", "file", "hello", "jq", "less", "lsof", "nano",
    "ncal", "patch", "pv", "rename", "rsync", "screen", "sl", "time", "tree", "unzip", "zip",
)  # fmt: skip
"""Two of them at random make an installation that is most probably not in the engine's cache."""


@dataclass(frozen=True)
class Build:
    """The duration of one build in seconds, and the steps that the engine reports."""

    wall: float
    vertices: tuple[Vertex, ...]


class Project:
    """A copy of the build context that may change, with the directories of the outputs beside it."""

    def __init__(self, directory: Path, env: Mapping[str, str], frontend: str) -> None:
        self._context, self._out, self._env = directory / "context", directory / "out", env
        self._least = directory / "least"
        shutil.copytree(BENCH / "rebuild", self._context)
        shutil.copy(BENCH / "classic.sh", self._context)
        self._least.mkdir()
        shutil.copy(busybox(), self._least)
        shutil.copy(BENCH / "rebuild" / "least.Dockerfile", self._least / "Dockerfile")
        (self._least / "line").touch()
        self._frontend = frontend

    def build(self, who: str, packages: tuple[str, ...] = ()) -> Build:
        """Build with these additional packages. Raises OSError with the engine's last lines of output."""
        text = (BENCH / "rebuild" / FILES[who]).read_text()
        text = text.replace("claylinux/frontend", self._frontend, 1)
        mark = f"[{FIRST_PACKAGE}," if who == "ours" else f" {FIRST_PACKAGE} "
        if text.count(mark) != 1:
            raise EngineError(f"{FILES[who]} must contain {mark!r} exactly once")
        between = ", " if who == "ours" else " "
        text = text.replace(mark, mark[0] + between.join((*packages, mark[1:])))
        (self._context / FILES[who]).write_text(text)
        arguments = [f"--build-arg={name}={os.environ[name]}" for name in PROXIES if name in os.environ]
        return self._build(who, self._context, f"--file={FILES[who]}", *arguments)

    def build_least(self) -> Build:
        """Build the Dockerfile that only copies our finished disk."""
        return self._build(LEAST, self._least, f"--build-context=disk={self._out / 'ours'}")

    def _build(self, who: str, context: Path, *arguments: str) -> Build:
        command = ["docker", "buildx", "build", "--progress=rawjson", f"--output={self._out / who}", *arguments, "."]
        start = time.time()
        cost, log = run(command, env=self._env, cwd=context)
        return Build(cost.wall, parse(log, start))

    def change(self) -> None:
        """Change one line of one file in each context."""
        (self._least / "line").write_text(f"{time.time_ns()}\n")
        before = (BENCH / "rebuild" / CHANGED).read_text()
        if LINE not in before:
            raise EngineError(f"{CHANGED} must contain {LINE!r}")
        (self._context / CHANGED).write_text(before.replace(LINE, f"<p>Changed at {time.time_ns()}.\n"))

    def copy(self) -> tuple[float, float]:
        """Return the seconds that cp takes for our disk, first beside all earlier copies, then in place of that copy.

        The engine also keeps earlier disks. A virtual machine gets memory for its page cache from the host, which can
        take longer than the copy itself. The second copy gets the memory that the first one has just freed.
        """
        copy = self._out / f"copy-{time.time_ns()}.img"
        command = ["cp", str(self._out / "ours" / DISK), str(copy)]
        beside = run(command)[0].wall
        copy.unlink()
        return beside, run(command)[0].wall

    def size(self, who: str) -> int:
        """Return the size of a disk in bytes."""
        return (self._out / who / DISK).stat().st_size


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/rebuild.py", description=__doc__)
    parser.add_argument(
        "-n", type=int, default=7, metavar="ROUNDS", help="builds of ours, and cp (default: %(default)s)"
    )
    parser.add_argument(
        "-m",
        type=int,
        default=2,
        metavar="ROUNDS",
        help="builds with more packages, and classic ones (default: %(default)s)",
    )
    parser.add_argument(
        "--frontend", default="claylinux/frontend", metavar="IMAGE", help="frontend image (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    args = parser.parse_args()

    def action() -> int:
        env, scratch = environment(), cache_dir() / "bench"
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as directory:
            project = Project(Path(directory), env, args.frontend)
            whom = tuple(FILES) if args.m else ("ours",)
            for who in whom:
                say(f"first build of {who}, which may take minutes")
                project.build(who)
            project.build_least()
            before = conditions()
            builds, copies = measure(project, args.n, args.m)
            sizes = {who: project.size(who) for who in whom}
        if args.json:
            runs = {name: [asdict(build) for build in some] for name, some in builds.items()}
            figures = {"before": before, "after": conditions(), "sizes": sizes, "cp": copies, "runs": runs}
            print(json.dumps(figures, indent=1))
        else:
            print(f"{args.n} rounds, {args.m} of the slow ones, medians; {json.dumps(before)}\n")
            print(report(builds, copies, sizes))
            for what in ("ours, nothing changed", "ours, a line changed"):
                print("", waterfall(what, [(each.wall, each.vertices) for each in builds[what]]), sep="\n")
        return 0

    return exit_code_of("rebuild", action)


def measure(project: Project, number: int, slow: int) -> tuple[dict[str, list[Build]], list[tuple[float, float]]]:
    """Run everything, alternating; the classic pipeline and more packages only in the first `slow` rounds."""
    builds: dict[str, list[Build]] = {}
    copies: list[tuple[float, float]] = []

    def note(who: str, what: str, packages: tuple[str, ...] = ()) -> None:
        build = project.build_least() if who == LEAST else project.build(who, packages)
        say(f"{who}, {what}: {build.wall:.2f} s")
        builds.setdefault(f"{who}, {what}", []).append(build)

    for turn in range(max(number, slow)):
        whom = [who for who, rounds in (("ours", number), ("classic", slow)) if turn < rounds]
        for who in (*whom, LEAST):
            note(who, "nothing changed")
        project.change()
        # The minimum comes first, because the disk that it copies changes afterwards.
        for who in (LEAST, *whom):
            note(who, "a line changed")
        project.build_least()
        copies.append(project.copy())
        if turn < slow:
            more = tuple(random.sample(SMALL, 2))
            for who in FILES:
                note(who, "two small packages more", more)
            # Compare the following builds with builds without these packages.
            for who in FILES:
                project.build(who)
    return builds, copies


def report(builds: Mapping[str, list[Build]], copies: list[tuple[float, float]], sizes: Mapping[str, int]) -> str:
    """Return the medians, and whether a change is within its limit."""
    middle = {name: median(build.wall for build in some) for name, some in builds.items()}
    rows = [(name, f"{seconds:.2f}", f"{min(build.wall for build in builds[name]):.2f}", str(len(builds[name])))
            for name, seconds in sorted(middle.items(), reverse=True)]  # fmt: skip
    beside, again = zip(*copies, strict=True)
    for name, some in (("cp of our disk", beside), ("cp, to memory just freed", again)):
        rows.append((name, f"{median(some):.2f}", f"{min(some):.2f}", str(len(some))))
    none, line = middle["ours, nothing changed"], middle["ours, a line changed"]
    limit = 3 * median(beside) + none
    verdict = "holds" if line <= limit else "does not hold"
    least = middle[f"{LEAST}, a line changed"] - middle[f"{LEAST}, nothing changed"]
    disks = ", ".join(f"{who} {size / 1e6:.1f} MB" for who, size in sizes.items())
    return "\n".join((
        table(("build, with its disk in a directory", "s", "least s", "builds"), rows),
        "",
        f"changed <= 3 cp + unchanged: {line:.2f} <= {limit:.2f} {verdict}; disks: {disks}",
        f"a line adds {line - none:.2f} s; to the least, {least:.2f} s",
    ))  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
