"""What all campaigns have in common: how long they run, what they count, and the line that they end with."""

from __future__ import annotations

import argparse
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import signature
from random import Random


@dataclass
class Tally:
    """The figures of a campaign. `failures` counts the kinds of failure; `examples` has the first input of each."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    """The most memory of programs that are no children of the campaign, in KiB."""

    def fail(self, kind: str, example: str) -> None:
        """Count a failure, and keep its first example."""
        self.failures[kind] += 1
        self.examples.setdefault(kind, example)

    def summary(self, name: str, seconds: float) -> str:
        """Return the last line of a campaign."""
        outcomes = ", ".join(f"{count} {kind}" for kind, count in sorted(self.outcomes.items()))
        failures = ", ".join(f"{count} x {kind}" for kind, count in sorted(self.failures.items())) or "no failure"
        return (
            f"{name}: {self.inputs} inputs in {seconds:.0f} s, {self.inputs / max(seconds, 0.001):.0f}/s "
            f"({outcomes or 'all alike'}); {failures}; {memory(self.peaks)}"
        )


def memory(others: Mapping[str, int]) -> str:
    """Return the words for the most memory of one process: this one, its children, and `others`, by name in KiB."""
    peaks = {
        "itself": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "a child": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
        **others,
    }
    highest = sorted(peaks.items(), key=lambda each: (-each[1], each[0]))
    return "peak " + ", ".join(f"{name} {size >> 10} MiB" for name, size in highest if size >> 10)


def rounds(seconds: float, seed: int) -> Iterator[Random]:
    """Yield a generator of random numbers for each round, until the time is over; the first round always runs."""
    end = time.monotonic() + seconds
    number = 0
    while number == 0 or time.monotonic() < end:
        yield Random(f"{seed} {number}")
        number += 1


def parser(name: str) -> argparse.ArgumentParser:
    """Return the options of all campaigns."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.campaigns.{name}")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to run (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other inputs (default: 0)")
    return parser


def main(name: str, campaign: Callable[..., Tally], argv: list[str]) -> int:
    """Run a campaign from the command line; return 1 if anything failed."""
    options = parser(name)
    if "inputs" in signature(campaign).parameters:
        options.add_argument("--inputs", type=int, default=0, help="stop after so many inputs (default: no limit)")
    if "signed" in signature(campaign).parameters:
        options.add_argument("--signed", action="store_true", help="with Secure Boot")
    arguments = options.parse_args(argv)
    start = time.monotonic()
    tally = campaign(**vars(arguments))
    for kind, example in tally.examples.items():
        print(f"{kind}:\n{example}\n")
    print(tally.summary(name, time.monotonic() - start))
    return 1 if tally.failures else 0
