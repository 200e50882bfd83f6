#!/usr/bin/env python3
"""Images in an emulated machine with OVMF: time from power-on to a login from a slow medium, and the least memory."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from localvm.console import running
from localvm.errors import ConsoleError
from localvm.machine import Drive, Machine

PLENTY = 2048
"""MiB of memory for measuring the time."""
GIVE_UP = 400.0
LOGIN = r"login: $"
END = (
    rf"{LOGIN}|Kernel panic|claylinux: stopped here|Failed to load initrd|Out of memory"
    r"|Initramfs unpacking failed|^Shell> "
)


class Times(NamedTuple):
    """Seconds from power-on until the kernel has its initramfs, and to a login."""

    loaded: float
    login: float


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/medium.py", description=__doc__)
    parser.add_argument("images", nargs="+", type=Path, help="raw disks whose systems show a login")
    parser.add_argument(
        "-n", type=int, default=3, metavar="TIMES", help="boots of each in turns (default: %(default)s)"
    )
    parser.add_argument("--rate", type=float, default=20, metavar="MB", help="MB a second (default: %(default)s)")
    parser.add_argument("--bus", default="usb", help="connection of the medium (default: %(default)s)")
    parser.add_argument(
        "--least", type=int, nargs=2, metavar=("LOW", "HIGH"), help="search for the least memory between these, in MiB"
    )
    parser.add_argument("--step", type=int, default=8, metavar="MIB", help="how exactly (default: %(default)s)")
    args = parser.parse_args()
    times: dict[Path, list[Times]] = {image: [] for image in args.images}
    for _ in range(args.n):
        for image, found in times.items():
            took = measure(machine(image, args.bus, round(args.rate * 1e6)))
            print(f"{image.name}: {took.loaded:.1f} s until the kernel has all, {took.login:.1f} s in all", flush=True)
            found.append(took)
    for image, found in times.items():
        if found:
            loaded, login = (median(values) for values in zip(*found, strict=True))
            print(f"{image}: {loaded:.1f} s and {login:.1f} s at {args.rate:g} MB/s")
        if args.least:
            low, high = args.least
            print(f"{image}: least memory {least(image, args.bus, low, high, args.step)} MiB", flush=True)
    return 0


def machine(image: Path, bus: str, rate: int) -> Machine:
    """Return a machine with plenty of memory."""
    return Machine(drives=(Drive(path=image, bus=bus, rate=rate),), memory_mib=PLENTY)


def measure(subject: Machine) -> Times:
    """Return the times of a boot, or raise ConsoleError."""
    begun = time.monotonic()
    with running(subject) as console:
        console.expect("EFI stub: Loaded initrd", GIVE_UP)
        loaded = time.monotonic() - begun
        console.expect(LOGIN, GIVE_UP)
        return Times(loaded, time.monotonic() - begun)


def least(image: Path, bus: str, low: int, high: int, step: int) -> int:
    """Return the least memory with which the image shows a login: `low` has to be too little for it, `high` enough."""
    while high - low > step:
        middle = (low + high) // 2
        enough = shows_login(replace(machine(image, bus, 0), memory_mib=middle))
        print(f"{image.name}: {middle} MiB {'is enough' if enough else 'is too little'}", flush=True)
        low, high = (low, middle) if enough else (middle, high)
    return high


def shows_login(subject: Machine) -> bool:
    """Return whether the machine shows a login, and nothing went wrong before."""
    try:
        with running(subject) as console:
            console.expect(END, GIVE_UP)
            return console.text.rstrip().endswith("login:")
    except ConsoleError:
        return False


if __name__ == "__main__":
    sys.exit(main())
