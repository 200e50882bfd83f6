"""Small changes of the product at random: does a unit test notice each?

Each is tried in a copy of the tree, in a sandbox where all file systems are read-only but a new /tmp, so
changed code can harm nothing. The tests that run the changed line go first, the most particular of them before others.
What they do not notice, all unit tests have to try: the choice saves time, and decides nothing.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

from tests.campaigns.running import memory, parser, rounds
from tests.support import shell_mutants
from tests.support.covering import Covering
from tests.support.mutants import Mutant, changes
from tests.support.places import ROOT

PRODUCT = ("claylinux", "frontend", "imager", "llb", "spec")
_SECONDS = 600
_QUICK_SECONDS = 120
"""More than any test may take, on a busy machine; and any that is not slow."""
_ALL_SECONDS = 3600
_FAST = "not slow and not long"
MEASURED = ("lines", "seconds")
"""What `Sandbox.measure` keeps of a run of all tests, below out/mutations."""
PLACE = "/var/tmp"
"""Not below /tmp, which is another one in the sandbox."""
_ROOM = "6G"
_MEMORY, _QUICK_MEMORY = 12 << 20, 2 << 20
"""KiB of data for a process: of all tests, and of fast ones. Browsers and sanitizers reserve far more addresses."""
_NO_SOURCE = (".git", ".venv", ".*_cache", ".fuzz", ".hypothesis", "__pycache__", "out")
_LINES = ".coverage"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_LATE = re.compile(r"Timeout|timed out|DeadlineExceeded|too_slow")
"""What a test says that may fail because the machine is busy."""
_BY_TIME = "only by the time limit"
_TOLD = re.compile(r"^(\S+):(\d+): (\w+)\n  - (.*)\n  \+ (.*)$", re.MULTILINE)
"""A change as this campaign prints it."""
Site = tuple[str, Callable[[], Mutant]]
"""A file of the product, and what makes a change of it."""
_ENTER = """\
set -eu
tree=$1 writable=$2 python=$3 room=$4 memory=$5; shift 5
mount --bind "$tree" "$tree"
[ -z "$writable" ] || [ "$writable" = "$tree" ] || mount --bind "$writable" "$writable"
findmnt --raw --noheadings --output=TARGET | while read -r place; do
    case $place in "$writable" | /proc*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || : ;; esac
done
exec 3<"$python"  # which may be below /tmp
mount -t tmpfs -o "size=$room" tmpfs /tmp
[ -d "$python" ] || { mkdir -p "$python"; mount --no-canonicalize --bind /proc/self/fd/3 "$python"; }
ulimit -d "$memory"
echo 1000 >/proc/self/oom_score_adj  # the first to end where the machine has no more
cd "$tree"
exec "$@"
"""


@dataclass(frozen=True)
class Suite:
    """What is changed, and the tests that should notice."""

    source: Path = ROOT
    product: tuple[str, ...] = PRODUCT
    # Programs in C have changes of their own; the tests of this campaign would start it again.
    tests: tuple[str, ...] = ("tests/unit", "--ignore=tests/unit/init", "--ignore=tests/unit/campaigns")
    quick: bool = False
    """Whether to blame the tests for a change as soon as those pass that run its lines and are fast."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The arguments that choose the tests to measure and to choose from."""
        return (*self.tests, "-m", _FAST) if self.quick else self.tests

    def sites(self, paths: tuple[str, ...] = ()) -> list[Site]:
        """Return every change of the product, in order."""
        found = []
        for top in paths or self.product:
            place = self.source / top
            files = [each for each in place.rglob("*") if each.is_file()] if place.is_dir() else [place]
            found += [(str(path.relative_to(self.source)), site) for path in sorted(files) for site in _sites(path)]
        return found


def _sites(path: Path) -> Iterator[Callable[[], Mutant]]:
    if path.suffix == ".py":
        module = ast.parse(path.read_text())
        yield from (partial(each.apply, module) for each in changes(module))
    elif path.suffix == ".sh" or path.read_bytes()[:9] == b"#!/bin/sh":
        script = path.read_text()
        yield from (partial(each.apply, script) for each in shell_mutants.changes(script))


def _digest(tree: Path) -> str:
    """Return what tells a tree from others: names and contents of its files."""
    digest = hashlib.sha256()
    for path in sorted(each for each in tree.rglob("*") if each.is_file()):
        for part in (str(path.relative_to(tree)).encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class Sandbox:
    """A copy of the tree, and a way to run its tests that leaves no trace but in the copy."""

    def __init__(self, top: Path, suite: Suite) -> None:
        self.top, self.suite, self.tree = top, suite, top / "tree"

    def fill(self) -> None:
        """Copy the tree."""
        shutil.copytree(self.suite.source, self.tree, symlinks=True, ignore=shutil.ignore_patterns(*_NO_SOURCE))

    def measure(self, processes: int) -> Covering:
        """Run all tests once, and return which lines they run. Every test must pass. The same tree is run once only."""
        place = self.suite.source / "out" / "mutations" / (_digest(self.tree) + ".quick" * self.suite.quick)
        if not place.exists():
            self._run_all(processes)
            new = place.with_name(f"{place.name}.{os.getpid()}")
            new.mkdir(parents=True)
            for name in MEASURED:
                shutil.copy(self.top / name, new / name)
            new.rename(place)
        return Covering.read(place / "lines", place / "seconds", self.tree)

    def _run_all(self, processes: int) -> None:
        compiled = self.pytest(*self.suite.asked, "--collect-only", writable=self.tree)
        spread = [f"--numprocesses={processes}"] if processes > 1 else []
        measuring = [*(f"--cov={top}" for top in self.suite.product), "--cov-context=test", "--cov-report="]
        times = ("--durations=0", "--durations-min=0.5")
        place = self.top / "measured"
        place.mkdir()
        first = self.pytest(*self.suite.asked, *measuring, *times, *spread, "--maxfail=20", writable=place)
        if first.returncode:
            # Under measurement, some tests find more modules or less speed than they may. One that fails here in any
            # case would notice every change.
            again = self.pytest(*_FAILED.findall(first.stdout)) if _FAILED.search(first.stdout) else first
            if again.returncode:
                told = f"{compiled.stdout[-1000:]}{again.stdout[-5000:]}{again.stderr}"
                raise SystemExit(f"mutations: tests fail without any change:\n{told}")
        shutil.move(place / _LINES, self.top / "lines")
        (self.top / "seconds").write_text(first.stdout)

    def notices(self, path: str, mutant: Mutant, covering: Covering) -> str:
        """Return how the change was noticed, or an empty text."""
        place = self.tree / path
        before, times = place.read_bytes(), place.stat()
        place.write_text(mutant.text)
        os.utime(place, (0, 0))  # unlike the time in the compiled file, which is not used, and kept for later
        try:
            near = [] if path.endswith(".py") else [f"tests/unit/{Path(path).parent}"]  # nothing measures a shell
            return self._way(covering.of(path, mutant.lines) or near)
        finally:
            place.write_bytes(before)
            os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _way(self, chosen: list[str]) -> str:
        """Return how the present change is noticed. A test that was late is asked again: the machine may be busy."""
        if self.suite.quick and not chosen:
            return ""
        for _ in range(2):
            try:
                done = self._ask(chosen)
            except subprocess.TimeoutExpired:
                continue
            if not done.returncode:
                return ""
            if not _LATE.search(done.stdout + done.stderr):
                return "by a test"
        return _BY_TIME

    def _ask(self, chosen: list[str]) -> subprocess.CompletedProcess[str]:
        """Run the chosen tests; if they pass, the others, except for slow ones, which would rather blame the tests."""
        quick = self.suite.quick
        done = self.pytest(*(("-m", _FAST) if quick else ()), self._file("chosen", chosen)) if chosen else None
        if done is None:
            return self.pytest(*self.suite.tests, "-m", _FAST)
        if done.returncode in (1, 2) or (done.returncode == 0 and quick):
            return done
        if done.returncode:  # tests have other names
            return self.pytest(*self.suite.asked)
        others = self._file("others", [f"--deselect={test}" for test in chosen])
        return self.pytest(*self.suite.tests, "-m", _FAST, others)

    def _file(self, name: str, lines: list[str]) -> str:
        (self.top / name).write_text("\n".join(lines))
        return f"@{self.top / name}"

    def pytest(self, *arguments: str, writable: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run tests of the tree. Only one directory may be `writable`; with none, the first failure ends the run."""
        tree, kept = str(self.tree), str(writable or "")
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", _ENTER, "sh"]
        limits = [tree, kept, sys.prefix, _ROOM, str(_QUICK_MEMORY if self.suite.quick else _MEMORY)]
        seconds = _QUICK_SECONDS if self.suite.quick else _SECONDS
        timeout = ("-o", f"faulthandler_timeout={seconds}", "-o", "faulthandler_exit_on_timeout=true")
        options = () if writable else ("-x", *timeout)
        own = {"TMPDIR": "/tmp", "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis", "COVERAGE_FILE": f"{kept}/{_LINES}"}
        environment = {**os.environ, **own, "PYTHONDONTWRITEBYTECODE": "" if writable == self.tree else "1"}
        argv = [*enter, *limits, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *arguments]
        return subprocess.run(
            argv, env=environment, capture_output=True, text=True, errors="replace", check=False, timeout=_ALL_SECONDS
        )


@dataclass
class Result:
    """What came of a campaign: how many changes each way noticed, and a paragraph for each that none did."""

    noticed: Counter[str]
    survivors: list[str]

    def summary(self, seconds: float) -> str:
        """Return the last line."""
        noticed = self.noticed.total()
        total = noticed + len(self.survivors)
        ways = ", ".join(f"{count} {way}" for way, count in sorted(self.noticed.items()))
        return (
            f"mutations: {total} mutants in {seconds:.0f} s; "
            f"noticed {noticed} ({100 * noticed / total:.1f} %): {ways}; {memory({})}"
        )


def campaign(suite: Suite, todo: Iterator[tuple[str, Mutant]], processes: int = 1) -> Result:
    """Try changes of files."""
    with tempfile.TemporaryDirectory(prefix="mutations-", dir=PLACE) as place:
        tops = [Path(place, str(number)) for number in range(processes)]
        tops[0].mkdir()
        first = Sandbox(tops[0], suite)
        first.fill()
        covering = first.measure(processes)
        for top in tops[1:]:
            shutil.copytree(tops[0], top, symlinks=True)
        result, lock = Result(Counter(), []), threading.Lock()
        with ThreadPoolExecutor(processes) as pool:
            list(pool.map(lambda top: _work(Sandbox(top, suite), covering, todo, lock, result), tops))
    return result


def drawn(sites: list[Site], draws: Iterator[Random]) -> Iterator[tuple[str, Mutant]]:
    """Yield one change for each draw."""
    for random in draws:
        path, change = random.choice(sites)
        yield path, change()


def again(sites: list[Site], told: str) -> Iterator[tuple[str, Mutant]]:
    """Yield the changes that an earlier run printed, at the nearest line that now has them."""
    for path, line, *words in _TOLD.findall(told):
        mutants = (change() for at, change in sites if at == path)
        same = [each for each in mutants if [each.kind, each.before, each.after] == words]
        if same:
            yield path, min(same, key=lambda each: abs(each.line - int(line)))
        else:
            print(f"{path}:{line}: {words[0]}: this code is no longer there", flush=True)


def told_of(path: str, mutant: Mutant) -> str:
    """Return the paragraph that tells a change."""
    return f"{path}:{mutant.line}: {mutant.kind}\n  - {mutant.before}\n  + {mutant.after}"


def _work(
    sandbox: Sandbox, covering: Covering, todo: Iterator[tuple[str, Mutant]], lock: threading.Lock, result: Result
) -> None:
    while True:
        with lock:
            if (case := next(todo, None)) is None:
                return
        path, mutant = case
        way = sandbox.notices(path, mutant, covering)
        with lock:
            if way:
                result.noticed[way] += 1
                if way == _BY_TIME:
                    print(f"{path}:{mutant.line}: {mutant.after} ({way})", flush=True)
                continue
            told = told_of(path, mutant)
            result.survivors.append(told)
            print(told, flush=True)


def main(argv: list[str]) -> int:
    """Run the campaign from the command line; return 1 if a change was not noticed."""
    options = parser("mutations")
    options.add_argument("--count", type=int, help="how many changes to try at most")
    options.add_argument("--processes", type=int, default=1, help="how many to try at the same time (default: 1)")
    options.add_argument("--quick", action="store_true", help="ask only tests that run the line, if there are any")
    options.add_argument("--again", type=Path, help="try those that an earlier run printed into this file instead")
    options.add_argument("paths", nargs="*", help="files and directories to change (default: the product)")
    given = options.parse_args(argv)
    start = time.monotonic()
    suite = Suite(quick=given.quick)
    sites = suite.sites(tuple(given.paths))
    draws = islice(rounds(given.seconds, given.seed), given.count)
    todo = again(sites, given.again.read_text()) if given.again else drawn(sites, draws)
    result = campaign(suite, todo, given.processes)
    print(result.summary(time.monotonic() - start))
    return 1 if result.survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
