#!/usr/bin/env python3
"""What it costs to sign a system and to list what is in it, beside the assembly of the same disk, in turns.

Then the memory of these steps with 2 GiB: a program with so large an initramfs, and a list with so large a file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from assembly import EPOCH, Assembly, assemble, compiled, imager, init_program, program
from measure import Cost, conditions, middle, table
from system import STUB, system

from imager.requests.sbom import Sbom
from imager.requests.secureboot import CERTIFICATE, PCR_KEY, SIGNER, Check, Pcrs, Policy, Sign
from localengine.commands import exit_code_of
from spec.files import CopiedFile

_BLOCK, _BLOCKS = 16 << 20, 128
_LIMIT = 64
"""MiB that a step may need for 2 GiB."""


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/trust.py", description=__doc__)
    parser.add_argument("-n", type=int, default=7, metavar="PAIRS", help="repetitions of each (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    args = parser.parse_args()

    def action() -> int:
        tree, init, before = system(), init_program(), conditions()
        compiled()
        with tempfile.TemporaryDirectory(prefix="claylinux-bench-") as directory:
            work = Path(directory)
            make_keys(work)
            runs = [
                (assemble(tree, init, work), signed(tree, init, work), listed(tree, init, work)) for _ in range(args.n)
            ]
            large = two_gibibytes(tree, init, work)
        if args.json:
            found = [[asdict(each) for each in run] for run in runs]
            print(json.dumps({"before": before, "after": conditions(), "runs": found, "large": large}, indent=1))
        else:
            print(f"{args.n} in turns, medians; {json.dumps(before)}\n")
            print(report(runs))
            print(f"\nMiB with 2 GiB (at most {_LIMIT}): {json.dumps(large)}")
        return int(max(large.values()) > _LIMIT)

    return exit_code_of("trust", action)


def make_keys(work: Path) -> None:
    """Write db.key, db.crt and pcr.key."""
    for name in ("db", "pcr"):
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", f"/CN={name}"]
        files = ["-keyout", str(work / f"{name}.key"), "-out", str(work / f"{name}.crt")]
        subprocess.run([*words, *files], check=True, capture_output=True)


def signed(tree: Path, init: Path, work: Path) -> Assembly:
    """Return the steps that only a signed build has, and by how much its program is larger.

    `assemble` has left the layer, and the program that is not signed.
    """
    unsigned = size_of(work / "uki.json")
    check = Check(
        certificate=str(work / "db.crt"),
        key=str(work / "db.key"),
        pcr_key=str(work / "pcr.key"),
        output=str(work),
        epoch=EPOCH,
    )
    steps = {"check keys and certificate": imager(check), **sign(tree, init, work)}
    del steps["uki"]  # which all builds have
    return Assembly(steps, size_of(work / "signed.json") - unsigned)


def size_of(layout: Path) -> int:
    """Return the bytes of a program."""
    size: int = json.loads(layout.read_text())["size"]
    return size


def sign(tree: Path, init: Path, work: Path) -> dict[str, Cost]:
    """Return the layout of a program, and the steps between it and the outputs."""
    announced = program(tree, init, work, str(work) + SIGNER, str(work) + PCR_KEY)
    uki, policy, result = (str(work / f"{name}.json") for name in ("uki", "policy", "signed"))
    certificate, key = str(work) + CERTIFICATE, str(work / "db.key")
    return {
        "uki": imager(announced),
        "sign the measurements": imager(Policy(uki=uki, key=str(work / "pcr.key"), output=policy, epoch=EPOCH)),
        "predict": imager(Pcrs(uki=policy, name="bench", output=str(work / "bench.pcrs.json"), epoch=EPOCH)),
        "sign": imager(Sign(uki=policy, certificate=certificate, key=key, output=result, epoch=EPOCH)),
    }


def listed(tree: Path, init: Path, work: Path, *files: Path) -> Assembly:
    """Return the step that lists what is in the system."""
    output = work / "bench.spdx.json"
    request = Sbom(
        system=str(tree),
        output=str(output),
        name="bench",
        generator="0",
        file={f"/{file.name}": CopiedFile(source=file.name) for file in files},
        tree=tuple(map(str, files)),
        origin=("",) * len(files),
        stub=str(tree / STUB),
        init=str(init),
        epoch=EPOCH,
    )
    return Assembly({"list": imager(request)}, output.stat().st_size)


def report(runs: list[tuple[Assembly, Assembly, Assembly]]) -> str:
    """Return the medians: the assembly, what comes on top of it, and its share."""
    plain, signing, listing = (list(column) for column in zip(*runs, strict=True))
    whole = middle([one.total for one in plain])
    steps = {name: middle([one.steps[name] for one in signing]) for name in signing[0].steps}
    sbom = middle([one.total for one in listing])
    rows = [_row("assembly, unsigned", whole, whole, plain[-1].size)]
    rows.append(_row("signing adds", middle([one.total for one in signing]), whole, signing[-1].size))
    rows += [_row(f"  {name}", cost, whole, 0) for name, cost in steps.items()]
    rows.append(_row("a list adds", sbom, whole, listing[-1].size))
    return table(("", "wall s", "CPU s", "of the CPU time", "peak MiB", "bytes"), rows)


def _row(name: str, cost: Cost, whole: Cost, size: int) -> tuple[str, ...]:
    share = f"{cost.cpu / whole.cpu:.1%}"
    return name, f"{cost.wall:.2f}", f"{cost.cpu:.2f}", share, f"{cost.peak:.0f}", f"{size:,}" if size else ""


def two_gibibytes(tree: Path, init: Path, work: Path) -> dict[str, float]:
    """Return the MiB that each step needs."""
    large = work / "layer"  # what was packed, and 2 GiB more
    with large.open("ab") as file:
        for number in range(_BLOCKS):
            file.write(number.to_bytes(8, "little") * (_BLOCK // 8))
    steps = sign(tree, init, work)
    steps["list"] = listed(tree, init, work, large).steps["list"]
    return {name: round(cost.peak) for name, cost in steps.items()}


if __name__ == "__main__":
    sys.exit(main())
