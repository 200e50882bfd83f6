#!/usr/bin/env python3
"""From a system of 580 MB to a bootable raw disk: our imager against the classic pipeline, alternating."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, reduce
from operator import add
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from measure import Cost, conditions, middle, run, table
from system import STUB, system

from imager.request import Request, join
from imager.requests.outputs import Raw
from imager.requests.packing import Layer, Uki
from imager.requests.reports import Inspect
from localengine.commands import exit_code_of
from localengine.errors import EngineError
from localengine.places import cache_dir

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parent
CMDLINE = "console=tty0 console=ttyS0,115200"
EPOCH = 315532800


@dataclass(frozen=True)
class Assembly:
    """The cost of one disk, step by step, and its size in bytes."""

    steps: Mapping[str, Cost]
    size: int

    @property
    def total(self) -> Cost:
        """The cost of all steps together."""
        return reduce(add, self.steps.values())


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/assembly.py", description=__doc__)
    parser.add_argument("-n", type=int, default=3, metavar="PAIRS", help="repetitions of each (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    args = parser.parse_args()

    def action() -> int:
        tree = system()
        init = init_program()
        before = conditions()
        with tempfile.TemporaryDirectory(prefix="claylinux-bench-") as directory:
            work = Path(directory)
            pairs = [(_classic(tree, work), assemble(tree, init, work)) for _ in range(args.n)]
        classic, ours = (list(column) for column in zip(*pairs, strict=True))
        if args.json:
            runs = {"classic": [asdict(one) for one in classic], "ours": [asdict(one) for one in ours]}
            print(json.dumps({"before": before, "after": conditions(), "runs": runs}, indent=1))
        else:
            print(f"{args.n} pairs in turns, medians; {json.dumps(before)}\n")
            print(report(classic, ours))
        return 0

    return exit_code_of("assembly", action)


def report(classic: list[Assembly], ours: list[Assembly]) -> str:
    """Return the medians of both, their ratio, and our individual steps."""
    theirs, mine = middle([one.total for one in classic]), middle([one.total for one in ours])
    sizes = classic[-1].size, ours[-1].size
    head = ("", "wall s", "CPU s", "peak MiB", "disk MB")
    rows = [
        ("classic", *_cells(theirs), f"{sizes[0] / 1e6:.1f}"),
        ("ours", *_cells(mine), f"{sizes[1] / 1e6:.1f}"),
        (
            "classic / ours",
            f"{theirs.wall / mine.wall:.1f}x",
            f"{theirs.cpu / mine.cpu:.1f}x",
            f"{theirs.peak / mine.peak:.1f}x",
            f"{sizes[0] / sizes[1]:.2f}x",
        ),
    ]
    rows += [(f"  ours: {step}", *_cells(middle([one.steps[step] for one in ours])), "") for step in ours[0].steps]
    return table(head, rows)


def _cells(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{cost.peak:.0f}"


def _classic(tree: Path, work: Path) -> Assembly:
    disk = work / "classic.img"
    disk.unlink(missing_ok=True)
    kernel = min((tree / "boot").glob("vmlinuz-*")).relative_to(tree)
    argv = [str(BENCH / "classic.sh"), str(tree), str(kernel), CMDLINE, str(tree / STUB), str(disk)]
    return Assembly({"classic": run(argv)[0]}, disk.stat().st_size)


def assemble(tree: Path, init: Path, work: Path) -> Assembly:
    """The steps of a build: those of the frontend for a single stage and an empty cache."""
    facts, layer, uki, disk = (work / name for name in ("report.json", "layer", "uki.json", "ours.img"))
    for path in (facts, layer, uki, disk):
        path.unlink(missing_ok=True)
    steps = {"inspect": imager(Inspect(system=str(tree), output=str(facts), weigh=False))}
    steps["layer"] = imager(Layer(system=str(tree), output=str(layer), compression="zstd:3", epoch=EPOCH))
    raw = Raw(uki=str(uki), output=str(disk), architecture="amd64", epoch=EPOCH)
    steps["uki, raw"] = imager(program(tree, init, work), raw)
    return Assembly(steps, disk.stat().st_size)


def program(tree: Path, init: Path, work: Path, signer: str = "", pcr_key: str = "") -> Uki:
    """Return the request for a program of the files that the other steps left in `work`."""
    version = json.loads((work / "report.json").read_text())["kernels"][0]["version"]
    return Uki(
        system=str(tree),
        kernel_version=version,
        initrd=(str(work / "layer"),),
        init=str(init),
        layers=1,
        cmdline=CMDLINE,
        stub=str(tree / STUB),
        architecture="amd64",
        output=str(work / "uki.json"),
        epoch=EPOCH,
        detached=False,
        signer=signer,
        pcr_key=pcr_key,
    )


def imager(*requests: Request) -> Cost:
    """Return the cost of a step of the imager."""
    return run([sys.executable, "-m", "imager", *join(requests)], env=compiled(), cwd=REPOSITORY)[0]


@cache
def compiled() -> Mapping[str, str]:
    """Compile our modules, as in our image; return the environment that contains them."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(cache_dir() / "bench/pycache")
    run([sys.executable, "-m", "compileall", "-q", "imager"], env=env, cwd=REPOSITORY)
    return env


def init_program() -> Path:
    """Return our PID 1, built if necessary."""
    program = REPOSITORY / "init/build/init-amd64"
    try:
        run(["make", "-s", "-C", str(REPOSITORY / "init"), "ARCH=amd64"])
    except OSError as error:
        raise EngineError(f"cannot build init (apt-get install gcc libc6-dev make): {error}") from None
    return program


if __name__ == "__main__":
    sys.exit(main())
