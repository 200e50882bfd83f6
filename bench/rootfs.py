#!/usr/bin/env python3
"""One system packed in every relevant way: size, CPU seconds and memory, alternating."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from assembly import EPOCH, init_program
from measure import conditions, run, table
from system import system
from toolbox import toolbox

from localengine.commands import exit_code_of
from localengine.errors import EngineError

PACK = Path(__file__).resolve().parent / "pack.py"
SUITE = "trixie"
"""The Debian release of our image, and so of its mksquashfs."""


@dataclass(frozen=True)
class Way:
    """A way to pack: `kind` is cpio, squashfs or erofs; blocks of `block` KiB; `release` of the program."""

    kind: str
    compression: str
    block: int = 0
    release: str = SUITE

    @property
    def name(self) -> str:
        """The name in the table and for `--only`."""
        block = f" {self.block}K" if self.block else ""
        return f"{self.kind} {self.compression}{block}" + (f" ({self.release})" if self.release != SUITE else "")


WAYS = (
    Way("cpio", "zstd:3"),
    *(Way("squashfs", f"zstd:{level}", 256) for level in (1, 2, 3, 4, 5, 6, 7, 9, 12, 15)),
    *(Way("squashfs", "zstd:3", block) for block in (128, 512, 1024)),
    *(Way("squashfs", f"zstd:{level}", 512) for level in (4, 5, 6)),
    *(Way("squashfs", f"zstd:{level}", 1024) for level in (1, 2, 4, 5, 6)),
    *(Way("squashfs", kind, 256) for kind in ("gz:6", "lz4", "xz", "none")),
    Way("erofs", "lz4"),
    Way("erofs", "lz4hc", 64),
    Way("erofs", "lz4hc", 64, "bookworm"),
    Way("erofs", "zstd,level=3", 64),
    Way("erofs", "zstd,level=3", 1024),
)


@dataclass(frozen=True)
class Packed:
    """The cost and the result of packing once."""

    size: int
    wall: float
    own: float
    """CPU seconds of the imager itself."""
    child: float
    """CPU seconds of the program that it feeds."""
    peak: float
    """MiB of both together."""


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/rootfs.py", description=__doc__)
    parser.add_argument("-n", type=int, default=3, metavar="ROUNDS", help="repetitions of each (default: %(default)s)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="only ways whose name contains this"
    )
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    args = parser.parse_args()

    def action() -> int:
        ways = [way for way in WAYS if not args.only or any(text in way.name for text in args.only)]
        if not ways:
            raise EngineError(f"no way has that name: use one of {', '.join(way.name for way in WAYS)}")
        tree, before = system(), conditions()
        runs: dict[str, list[Packed]] = {way.name: [] for way in ways}
        with tempfile.TemporaryDirectory(prefix="claylinux-bench-") as directory:
            for _ in range(args.n):
                for way in ways:
                    runs[way.name].append(pack(way, tree, Path(directory) / "packed"))
        if args.json:
            plain = {name: [vars(one) for one in some] for name, some in runs.items()}
            print(json.dumps({"before": before, "after": conditions(), "runs": plain}, indent=1))
        else:
            print(f"{args.n} rounds, medians; {json.dumps(before)}\n")
            print(report(runs))
        return 0

    return exit_code_of("rootfs", action)


def pack(way: Way, tree: Path, output: Path) -> Packed:
    """Pack once, in a separate process."""
    output.unlink(missing_ok=True)
    tools = toolbox(way.release)
    words = ["-", "-", *_erofs(way, tools, tree, output)] if way.kind == "erofs" else _request(way, tools, tree, output)
    cost, said = run([sys.executable, str(PACK), *words])
    figures = json.loads(said.splitlines()[-1])
    return Packed(output.stat().st_size, cost.wall, figures["own_cpu"], figures["child_cpu"], figures["peak"])


def _request(way: Way, tools: Path, tree: Path, output: Path) -> list[str]:
    """Return the arguments of a build step, after the block size and the directory of programs."""
    flags = ["--system", str(tree), "--output", str(output), "--compression", way.compression, "--epoch", str(EPOCH)]
    if way.kind == "cpio":
        return ["0", str(tools), "initramfs", *flags, "--init", str(init_program())]
    return [str(way.block << 10), str(tools), "layer", *flags]


def _erofs(way: Way, tools: Path, tree: Path, output: Path) -> list[str]:
    """Return a command without the imager: straight from the directory, so it includes files that the imager skips."""
    words = [str(tools / "mkfs.erofs"), f"-z{way.compression}"]
    words += [f"-C{way.block << 10}"] if way.block else []
    words += ["-T0", "-U00000000-0000-0000-0000-000000000000", "--exclude-regex=^boot/."]
    return [*words, str(output), str(tree)]


def report(runs: dict[str, list[Packed]]) -> str:
    """Return the medians."""
    head = ("", "MB", "CPU s", "of it ours", "wall s", "peak MiB")
    rows = []
    for name, some in runs.items():
        cpu = median(one.own + one.child for one in some)
        own, wall, peak = (median(getattr(one, field) for one in some) for field in ("own", "wall", "peak"))
        rows.append((name, f"{some[-1].size / 1e6:.1f}", f"{cpu:.2f}", f"{own:.2f}", f"{wall:.2f}", f"{peak:.0f}"))
    return table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
