#!/usr/bin/env python3
"""A build without changes: our frontend against the engine's built-in one and one that does nothing, in turns."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from measure import Cost, conditions, middle, run, table

from localengine.cli import environment
from localengine.commands import exit_code_of
from localengine.errors import EngineError

BENCH = Path(__file__).resolve().parent
IMAGE = "claylinux/frontend"
FILES = {"Dockerfile": "Dockerfile", "Claylinux": "claylinux.yaml"}
"""The frontends with their build files; the first is the base of the ratios."""
NOTHING = "container that does nothing"
NOTHING_IMAGE = "claylinux-bench/nothing"
"""A frontend that ends at once. Its builds fail, but not before its container has started and ended."""
OUTPUTS = {"build only": "type=cacheonly", "build, copy the disk to a directory": "type=local,dest="}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_STEP_OUTPUT = re.compile(r"^#\d+ \d+\.\d+ ", re.MULTILINE)
_CACHED = re.compile(r"^#\d+ CACHED$", re.MULTILINE)


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/noop.py", description=__doc__)
    parser.add_argument("-n", type=int, default=15, metavar="PAIRS", help="repetitions of each (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    args = parser.parse_args()

    def action() -> int:
        env = environment()
        with tempfile.TemporaryDirectory(prefix="claylinux-bench-") as directory:
            for file in FILES.values():
                warm(file, env)
            make_nothing(env)
            before = conditions()
            costs = {name: pairs(where, directory, args.n, env) for name, where in OUTPUTS.items()}
        start = startup(env)
        if args.json:
            runs = {
                name: {who: [asdict(cost) for cost in some] for who, some in both.items()}
                for name, both in costs.items()
            }
            print(json.dumps({"before": before, "after": conditions(), "runs": runs, "startup": start}, indent=1))
        else:
            print(f"{args.n} pairs in turns, medians; {json.dumps(before)}\n")
            print(report(costs), startup_report(start), sep="\n\n")
        return 0

    return exit_code_of("noop", action)


def warm(file: str, env: Mapping[str, str]) -> None:
    """Build until a build runs no step; the first build takes minutes."""
    for _ in range(3):
        _, log = build(file, "type=cacheonly", env)
        if _CACHED.search(log) and not _STEP_OUTPUT.search(log):
            return
    raise EngineError(f"every build of {file} runs steps again: check the size of the engine's cache")


def pairs(where: str, directory: str, number: int, env: Mapping[str, str]) -> dict[str, list[Cost]]:
    """Build with all, in turns. The one that does nothing has no output to copy."""
    copies = where.endswith("=")
    costs: dict[str, list[Cost]] = {who: [] for who in (FILES if copies else (*FILES, NOTHING))}
    for _ in range(number):
        for who, file in FILES.items():
            output = where + f"{directory}/{who}" if copies else where
            costs[who].append(build(file, output, env)[0])
        if not copies:
            costs[NOTHING].append(build_nothing(env))
    return costs


def make_nothing(env: Mapping[str, str]) -> None:
    """Make the image of a frontend that does nothing, of the same files as ours."""
    text = f'FROM {IMAGE}\nENTRYPOINT ["/usr/bin/dash", "-c", ":"]\n'
    subprocess.run(
        ["docker", "buildx", "build", "--quiet", f"--tag={NOTHING_IMAGE}", "-"],
        env=env, input=text, text=True, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def build_nothing(env: Mapping[str, str]) -> Cost:
    """Return the cost of a build up to the end of the frontend that does nothing."""
    syntax = f"--build-arg=BUILDKIT_SYNTAX={NOTHING_IMAGE}"
    command = ["docker", "buildx", "build", "--progress=plain", f"--file={FILES['Claylinux']}", syntax, "."]
    return run(command, env=env, cwd=BENCH / "noop", fails=True)[0]


def build(file: str, output: str, env: Mapping[str, str]) -> tuple[Cost, str]:
    """Return the cost of `docker buildx build` on this side, without the engine's own work, and its log."""
    arguments = [f"--build-arg={name}" for name in PROXIES if name in os.environ]
    command = ["docker", "buildx", "build", "--progress=plain", f"--file={file}", f"--output={output}", *arguments]
    return run([*command, "."], env=env, cwd=BENCH / "noop")


def startup(env: Mapping[str, str]) -> dict[str, Any]:
    """Run startup.py in the frontend's image."""
    command = ["docker", "run", "--rm", "--interactive", "--network=none", "--entrypoint=python3", IMAGE, "-"]
    program = (BENCH / "startup.py").read_text()
    done = subprocess.run(command, env=env, input=program, text=True, capture_output=True, check=False)
    if done.returncode:
        raise EngineError(f"cannot measure {IMAGE}:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def report(costs: Mapping[str, Mapping[str, list[Cost]]]) -> str:
    """Return the wall time of all, and how much more ours is than the others: medians, then the least."""
    head = ("no-op rebuild, s of wall", *FILES, NOTHING, *(f"more than {who}" for who in ("Dockerfile", "nothing")))
    rows = []
    for name, of_all in costs.items():
        for kind, of in (("median", lambda some: middle(some).wall), ("least", lambda some: min(c.wall for c in some))):
            base, ours = (of(of_all[who]) for who in FILES)
            nothing = of(of_all[NOTHING]) if NOTHING in of_all else None
            values = (base, ours, nothing, ours - base, None if nothing is None else ours - nothing)
            rows.append((f"{name}: {kind}", *("-" if value is None else f"{value:.3f}" for value in values)))
    return table(head, rows)


def startup_report(start: Mapping[str, Any]) -> str:
    """Return the time from the start of the frontend's process to its first call, and the cost of its imports."""
    names = {
        "python": "python3 -c pass, whole process",
        "first_byte": "frontend: first byte to the engine",
        "first_call": "frontend: first call to the engine",
        "imports_before": "imports before the first call, whole process",
        "imports_all": "all imports of a build, whole process",
    }
    rows = [(text, f"{start[key] * 1000:.0f}") for key, text in names.items()]
    modules = [(f"  {name}", f"{seconds * 1000:.1f}") for name, seconds in start["dearest"]]
    return table(("start-up in the image", "ms"), [*rows, ("dearest modules by themselves", ""), *modules])


if __name__ == "__main__":
    sys.exit(main())
