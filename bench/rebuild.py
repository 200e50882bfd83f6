#!/usr/bin/env python3
"""Build, change a little, build again: ours against a Dockerfile that runs the classic pipeline, and against cp.

And against the least that any build could do: a Dockerfile that only copies the finished disk when a line has changed.
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
"""Who builds: its build file."""
LEAST = "the least"
DISK = "rebuild.img"
FIRST_PACKAGE = "curl"
"""A package of both build files; others are put before it."""
LINE = "<p>Nothing has changed.\n"
CHANGED = Path("site/index.html")
SMALL = (
    "bc", "bsdextrautils", "cowsay", "dc", "dos2unix", "ed", "figlet", "file", "hello", "jq", "less", "lsof", "nano",
    "ncal", "patch", "pv", "rename", "rsync", "screen", "sl", "time", "tree", "unzip", "zip",
)  # fmt: skip
"""Two of them at random make an installation that the engine has hardly ever cached."""


@dataclass(frozen=True)
class Build:
    """What one build took, in seconds, and the steps that the engine tells of."""

    wall: float
    vertices: tuple[Vertex, ...]


class Project:
    """A copy of the build context that may be changed, and the folders of the outputs beside it."""

    def __init__(self, folder: Path, env: Mapping[str, str], frontend: str) -> None:
        self._context, self._out, self._env = folder / "context", folder / "out", env
        self._least = folder / "least"
        shutil.copytree(BENCH / "rebuild", self._context)
        shutil.copy(BENCH / "classic.sh", self._context)
        self._least.mkdir()
        shutil.copy(busybox(), self._least)
        shutil.copy(BENCH / "rebuild" / "least.Dockerfile", self._least / "Dockerfile")
        (self._least / "line").touch()
        self._frontend = frontend

    def build(self, who: str, packages: tuple[str, ...] = ()) -> Build:
        """Build with these packages more. Raises OSError with the engine's last words."""
        text = (BENCH / "rebuild" / FILES[who]).read_text()
        text = text.replace("claylinux/frontend", self._frontend, 1)
        mark = f"[{FIRST_PACKAGE}," if who == "ours" else f" {FIRST_PACKAGE} "
        if text.count(mark) != 1:
            raise EngineError(f"{FILES[who]} does not hold {mark!r} once")
        between = ", " if who == "ours" else " "
        text = text.replace(mark, mark[0] + between.join((*packages, mark[1:])))
        (self._context / FILES[who]).write_text(text)
        arguments = [f"--build-arg={name}={os.environ[name]}" for name in PROXIES if name in os.environ]
        return self._build(who, self._context, f"--file={FILES[who]}", *arguments)

    def build_least(self) -> Build:
        """Build what only copies our finished disk."""
        return self._build(LEAST, self._least, f"--build-context=disk={self._out / 'ours'}")

    def _build(self, who: str, context: Path, *arguments: str) -> Build:
        command = ["docker", "buildx", "build", "--progress=rawjson", f"--output={self._out / who}", *arguments, "."]
        start = time.time()
        cost, log = run(command, env=self._env, cwd=context)
        return Build(cost.wall, parse(log, start))

    def change(self) -> None:
        """Change one line of one file of each context."""
        (self._least / "line").write_text(f"{time.time_ns()}\n")
        before = (BENCH / "rebuild" / CHANGED).read_text()
        if LINE not in before:
            raise EngineError(f"{CHANGED} does not hold {LINE!r}")
        (self._context / CHANGED).write_text(before.replace(LINE, f"<p>Changed at {time.time_ns()}.\n"))

    def copy(self) -> tuple[float, float]:
        """Give the seconds that cp takes for our disk, beside all earlier copies, and then in the place of that copy.

        The engine keeps earlier disks, too. A machine that is virtual gets memory for the page cache from its host,
        which can take longer than to copy: the second copy gets what the first one has just freed.
        """
        copy = self._out / f"copy-{time.time_ns()}.img"
        command = ["cp", str(self._out / "ours" / DISK), str(copy)]
        beside = run(command)[0].wall
        copy.unlink()
        return beside, run(command)[0].wall

    def size(self, who: str) -> int:
        """The bytes of a disk."""
        return (self._out / who / DISK).stat().st_size


def main() -> int:
    """Run the command line; the result is the process's exit code."""
    parser = argparse.ArgumentParser(prog="bench/rebuild.py", description=__doc__)
    parser.add_argument("-n", type=int, default=7, metavar="ROUNDS", help="builds of ours, and cp (%(default)s)")
    parser.add_argument(
        "-m", type=int, default=2, metavar="ROUNDS", help="with more packages, and classic (%(default)s)"
    )
    parser.add_argument("--frontend", default="claylinux/frontend", metavar="IMAGE", help="who builds (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print everything that was measured as JSON")
    args = parser.parse_args()

    def action() -> int:
        env, scratch = environment(), cache_dir() / "bench"
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            project = Project(Path(folder), env, args.frontend)
            whom = tuple(FILES) if args.m else ("ours",)
            for who in whom:
                say(f"first build, which may take minutes: {who}")
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
    """Do everything in turns; the classic pipeline and more packages only in the first `slow` rounds."""
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
        # The least comes first: our disk, which it copies, is another one afterwards.
        for who in (LEAST, *whom):
            note(who, "a line changed")
        project.build_least()
        copies.append(project.copy())
        if turn < slow:
            more = tuple(random.sample(SMALL, 2))
            for who in FILES:
                note(who, "two small packages more", more)
            # What follows is compared with builds without them.
            for who in FILES:
                project.build(who)
    return builds, copies


def report(builds: Mapping[str, list[Build]], copies: list[tuple[float, float]], sizes: Mapping[str, int]) -> str:
    """The medians, and whether a change costs no more than it may."""
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
        table(("build, with its disk in a folder", "s", "least s", "builds"), rows),
        "",
        f"changed <= 3 cp + unchanged: {line:.2f} <= {limit:.2f} {verdict}; disks: {disks}",
        f"a line adds {line - none:.2f} s; to the least, {least:.2f} s",
    ))  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
