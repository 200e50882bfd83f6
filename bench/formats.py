#!/usr/bin/env python3
"""Five formats of one system against one, alternating; and the assembly of a UKI against a copy of its bytes."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from assembly import CMDLINE, EPOCH, imager, init_program
from measure import Cost, conditions, middle, run, table
from system import STUB, system

from imager.requests.outputs import Efi
from imager.requests.packing import Initramfs, Uki
from imager.requests.reports import Inspect
from localengine.cli import environment
from localengine.commands import exit_code_of

IMAGE = "claylinux-bench:system"
BUILDS = {"one format": "[raw]", "five formats": "[raw, iso, qcow2, vmdk, vhdx]"}
"""The builds; the first is the base of the ratio."""
STEPS = "--no-cache-filter=initramfs,uki,outputs"
"""The steps that run again each time: everything after the system."""


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/formats.py", description=__doc__)
    parser.add_argument("-n", type=int, default=5, metavar="PAIRS", help="repetitions of each (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    args = parser.parse_args()

    def action() -> int:
        env, tree, init = environment(), system(), init_program()
        import_system(tree, env)
        before = conditions()
        with tempfile.TemporaryDirectory(prefix="claylinux-bench-") as directory:
            work = Path(directory)
            builds = build_pairs(args.n, work, env)
            joins = join_pairs(args.n, work, tree, init)
        if args.json:
            runs = {name: [asdict(cost) for cost in costs] for name, costs in {**builds, **joins}.items()}
            print(json.dumps({"before": before, "after": conditions(), "runs": runs}, indent=1))
        else:
            print(f"{args.n} pairs in turns, medians; {json.dumps(before)}\n")
            print(report("from the system to all outputs", builds), report("from segments to UKI", joins), sep="\n\n")
        return 0

    return exit_code_of("formats", action)


def import_system(tree: Path, env: Mapping[str, str]) -> None:
    """Import the system into the engine as an image, once."""
    found = subprocess.run(["docker", "image", "inspect", IMAGE], env=env, capture_output=True, check=False)
    if found.returncode == 0:
        return
    with subprocess.Popen(["tar", "-C", str(tree), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", "-", IMAGE], env=env, stdin=tar.stdout, capture_output=True, check=True)


def build_pairs(number: int, work: Path, env: Mapping[str, str]) -> dict[str, list[Cost]]:
    """Build one format and five, alternating. The outputs stay in the engine, because copying is the client's work."""
    for name, outputs in BUILDS.items():
        project = work / name
        project.mkdir()
        text = f"# syntax=claylinux/frontend\nbase: {{image: {IMAGE}}}\noutputs: {outputs}\n"
        (project / "claylinux.yaml").write_text(text)
        build(project, env)
    costs: dict[str, list[Cost]] = {name: [] for name in BUILDS}
    for _ in range(number):
        for name in BUILDS:
            costs[name].append(build(work / name, env))
    return costs


def build(project: Path, env: Mapping[str, str]) -> Cost:
    """Return the cost of one build on this side; it does not include the engine's CPU time."""
    command = ["docker", "buildx", "build", "--progress=plain", "-f", "claylinux.yaml", "--output=type=cacheonly"]
    return run([*command, STEPS, "."], env=env, cwd=project)[0]


def join_pairs(number: int, work: Path, tree: Path, init: Path) -> dict[str, list[Cost]]:
    """Make a UKI in one step, make only its layout, and copy it with cp, alternating. All write to freed memory."""
    names = ("initrd", "uki.json", "ours.efi", "copy.efi", "report.json")
    initrd, layout, uki, copy, facts = (work / name for name in names)
    imager(Inspect(system=str(tree), output=str(facts)))
    version = json.loads(facts.read_text())["kernels"][0]["version"]
    imager(Initramfs(system=str(tree), init=str(init), output=str(initrd), compression="zstd:3", epoch=EPOCH))
    laid_out = Uki(
        system=str(tree), kernel_version=version, initrd=(str(initrd),), cmdline=CMDLINE, stub=str(tree / STUB),
        architecture="amd64", output=str(layout), epoch=EPOCH, detached=False,
    )  # fmt: skip
    written = Efi(uki=str(layout), output=str(uki), architecture="amd64", epoch=EPOCH)
    imager(laid_out, written)
    shutil.copy(uki, copy)
    costs: dict[str, list[Cost]] = {"cp": [], "ours": [], "ours, laid out only": []}
    for _ in range(number):
        uki.unlink()
        costs["ours"].append(imager(laid_out, written))
        copy.unlink()
        costs["cp"].append(run([shutil.which("cp") or "cp", str(uki), str(copy)])[0])
        costs["ours, laid out only"].append(imager(laid_out))
    return costs


def report(title: str, costs: Mapping[str, list[Cost]]) -> str:
    """Return the medians, and the ratio to the first row."""
    base = middle(next(iter(costs.values()))).wall
    rows = []
    for name, some in costs.items():
        cost = middle(some)
        rows.append((name, f"{cost.wall:.2f}", f"{cost.wall / base:.2f}x", f"{cost.cpu:.2f}", f"{cost.peak:.0f}"))
    return table((title, "wall s", "ratio", "CPU s", "peak MiB"), rows)


if __name__ == "__main__":
    sys.exit(main())
