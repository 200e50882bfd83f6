#!/usr/bin/env python3
"""The same Debian in the same emulated machine, unpacked and copied as usual, and ours: time, memory, least memory."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil, log
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from archives import BROKEN, TOKEN, Guest, Way, guest
from measure import conditions, table

from localengine.commands import exit_code_of
from localengine.errors import EngineError
from localengine.places import cache_dir
from localengine.say import say
from localvm.console import running
from localvm.errors import ConsoleError, VmError
from localvm.machine import Machine

PLENTY = 2048
"""MiB of memory for measuring the time."""
LEAST, STEP = 256, 1.05
"""The start of the search for the least memory, and the factor between one size and the next."""
GIVE_UP = 300.0
"""Seconds until a machine with plenty of memory counts as stuck; others get `PATIENCE` times its time."""
PATIENCE = 4.0
TRIES = 3
# A login prompt could interrupt the output of the guest. On a busy host the emulated timer fails the kernel's check.
CMDLINE = "console=ttyS0 quiet panic=-1 no_timer_check systemd.mask=serial-getty@ttyS0.service"
END = rf"{TOKEN}|Kernel panic|claylinux: stopped here|^{BROKEN}"
INCOMPLETE = ("Initramfs unpacking failed", "Out of memory")
"""Messages of a system that only came up by luck."""


@dataclass(frozen=True)
class Boot:
    """The cost of one boot until multi-user.target."""

    wall: float
    """Seconds since the start of QEMU."""
    cpu: float
    """Seconds of processor time of QEMU, which other programs on the host affect less."""
    up: float
    """Seconds since the start of the kernel."""
    used: float
    """MiB of memory that programs can no longer use: MemTotal - MemAvailable."""
    failed: int
    """Failed units."""


@dataclass(frozen=True)
class Outcome:
    """All boots of a way with plenty of memory, and the least memory in MiB (0: not measured)."""

    boots: tuple[Boot, ...]
    least: int

    def middle(self, figure: str) -> float:
        """Return the median of one figure."""
        values: list[float] = [getattr(boot, figure) for boot in self.boots]
        return median(values)


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/boot.py", description=__doc__)
    parser.add_argument("-n", type=int, default=3, metavar="TIMES", help="boots of each (default: %(default)s)")
    parser.add_argument("--no-least", action="store_true", help="do not search for the least memory")
    parser.add_argument(
        "--processors", type=int, default=2, metavar="N", help="processors of the machine (default: %(default)s)"
    )
    parser.add_argument("--compression", default="zstd", help="compression of the layer (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON")
    args = parser.parse_args()

    def action() -> int:
        scratch = cache_dir() / "bench"
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as directory:
            subject = guest(Path(directory), args.compression)
            before = conditions()
            outcomes = measure(subject, args.n, args.processors, least=not args.no_least)
            sizes = {way.name: way.initrd.stat().st_size for way in subject.ways}
        if args.json:
            runs = {name: asdict(outcome) for name, outcome in outcomes.items()}
            print(json.dumps({"before": before, "after": conditions(), "initrd": sizes, "runs": runs}, indent=1))
        else:
            print(f"{args.n} boots of each in turns, medians; {json.dumps(before)}\n")
            print(report(outcomes, sizes))
        return 0

    return exit_code_of("boot", action)


def measure(subject: Guest, number: int, processors: int, *, least: bool) -> dict[str, Outcome]:
    """Boot all ways, alternating, then search for the least memory of each."""
    boots: dict[str, list[Boot]] = {way.name: [] for way in subject.ways}
    for _ in range(number):
        for way in subject.ways:
            found = boot_somehow(subject.kernel, way, processors)
            say(f"{way.name}: {found.wall:.1f} s")
            boots[way.name].append(found)
    smallest = {way.name: smallest_memory(subject.kernel, way, boots[way.name]) if least else 0 for way in subject.ways}
    return {name: Outcome(tuple(some), smallest[name]) for name, some in boots.items()}


def boot_somehow(kernel: Path, way: Way, processors: int) -> Boot:
    """Return the cost of a boot. Emulated machines with two processors occasionally crash (`localvm.machine`)."""
    for _ in range(TRIES):
        if found := boot(kernel, way, PLENTY, GIVE_UP, processors):
            return found
        say(f"{way.name} did not come up")
    raise EngineError(f"{way.name} does not boot with {PLENTY} MiB")


def boot(kernel: Path, way: Way, memory: int, patience: float, processors: int = 1) -> Boot | None:
    """Return the cost of a boot, or None if the system was incomplete."""
    machine = Machine(
        kernel=kernel, initrd=way.initrd, append=f"{CMDLINE} {way.append}", firmware=False, memory_mib=memory,
        processors=processors,
    )  # fmt: skip
    start, before = time.monotonic(), cpu_of_children()
    try:
        with running(machine) as console:
            try:
                said = console.expect(END, patience)
            except ConsoleError:
                return None
            wall, text = time.monotonic() - start, console.text
    except VmError as error:
        raise EngineError(str(error)) from None
    if said["up"] is None or any(words in text for words in INCOMPLETE):
        return None
    cpu = cpu_of_children() - before
    return Boot(wall, cpu, float(said["up"]), int(said["used"]) / 1024, int(said["failed"]))


def cpu_of_children() -> float:
    """Return the processor time in seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def smallest_memory(kernel: Path, way: Way, plenty: list[Boot]) -> int:
    """Halve the range between `LEAST` and `PLENTY` until the two remaining sizes are one step apart."""
    patience = PATIENCE * max(one.wall for one in plenty)
    failed = max(one.failed for one in plenty)
    bad, good = 0, ceil(log(PLENTY / LEAST, STEP))
    while good - bad > 1:
        tried = (bad + good) // 2
        found = boot(kernel, way, size(tried), patience)
        works = found is not None and found.failed <= failed
        say(f"{way.name}: {size(tried)} MiB {'is enough' if works else 'is too little'}")
        bad, good = (bad, tried) if works else (tried, good)
    return size(good)


def size(step: int) -> int:
    """Return the MiB of memory after this number of steps above the least."""
    return round(LEAST * STEP**step)


def report(outcomes: Mapping[str, Outcome], sizes: Mapping[str, int]) -> str:
    """Return the medians, and the main figures as a part of the classic ones."""
    base = next(iter(outcomes.values()))
    head = ("to multi-user.target", "s", "", "CPU s", "", "kernel s", "in use MiB", "", "least MiB", "", "initrd MB",
            "units failed")  # fmt: skip
    rows = []
    for name, one in outcomes.items():
        wall, cpu, used = one.middle("wall"), one.middle("cpu"), one.middle("used")
        rows.append((
            name, f"{wall:.1f}", part(wall, base.middle("wall")),
            f"{cpu:.1f}", part(cpu, base.middle("cpu")), f"{one.middle('up'):.1f}",
            f"{used:.0f}", part(used, base.middle("used")), str(one.least or "-"), part(one.least, base.least),
            f"{sizes[name] / 1e6:.1f}", f"{one.middle('failed'):.0f}",
        ))  # fmt: skip
    return table(head, rows)


def part(value: float, whole: float) -> str:
    """Return a figure in percent of the classic one."""
    return f"{100 * value / whole:.0f} %" if whole else ""


if __name__ == "__main__":
    sys.exit(main())
