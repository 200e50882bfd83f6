#!/usr/bin/env python3
"""Packages from a server that is slow for each connection: apt alone against several connections, alternating.

The server is on the loopback interface. Needs an engine and its image debian:trixie.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from measure import conditions, table

from frontend.distro.apt import FAMILY
from localengine.cli import environment
from localengine.commands import exit_code_of
from localengine.errors import EngineError
from tests.support.apk_repository import serve
from tests.support.apt_repository import Deb, Signer, publish

SIZES = (12, 8, 6, 4, 4, 3, 3, 2, 2, 1, 1, 1, 1)
"""Of the packages, in MB."""
ALONE = 'fetch "$@"\n'
"""The line of the script without which apt downloads everything itself."""
BEGIN = """\
rm -rf /etc/apt/sources.list.d
echo 'deb [signed-by=/key.asc] {url} stable main' > /etc/apt/sources.list
mkdir -p /run/claylinux-apt/lists /run/claylinux-apt/packages
"""


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="bench/downloads.py", description=__doc__)
    parser.add_argument("-n", type=int, default=5, metavar="PAIRS", help="repetitions of each (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=4, metavar="MB", help="a second and connection (default: 4)")
    args = parser.parse_args()

    def action() -> int:
        with tempfile.TemporaryDirectory(prefix="claylinux-bench-") as scratch:
            took = measure(Path(scratch), args.n, args.rate * 1_000_000, environment())
        print(f"{sum(SIZES)} MB in {len(SIZES)} packages, {args.n} pairs in turns; {json.dumps(conditions())}\n")
        print(
            table(("", "median s", "least s"), [(way, f"{median(s):.1f}", f"{min(s):.1f}") for way, s in took.items()])
        )
        return 0

    return exit_code_of("downloads", action)


def measure(place: Path, number: int, rate: int, env: Mapping[str, str]) -> dict[str, list[float]]:
    """Install the packages in new containers, each way in turn, and return the seconds."""
    signer = Signer.make(place / "gpg")
    packages = [Filled(name=f"part{index}") for index in range(len(SIZES))]
    publish(packages, signer, place / "repository")
    script = FAMILY.install(tuple(each.name for each in packages), cache_id="bench").script
    ways = {"apt alone": script.replace(ALONE, ""), "several connections": script}
    took: dict[str, list[float]] = {way: [] for way in ways}
    with serve(place / "repository", slow(rate)) as (url, _):
        for _ in range(number):
            for way, text in ways.items():
                (place / "script").write_text(BEGIN.format(url=url) + text)
                took[way].append(install(place / "script", signer.public, env))
    return took


class Filled(Deb):
    """A package of the size that is due."""

    def pack(self, size: int = 0) -> bytes:
        """See `Deb.pack`."""
        return super().pack(size or SIZES[int(self.name.removeprefix("part"))] * 1_000_000)


def slow(rate: int) -> type[SimpleHTTPRequestHandler]:
    """Return a handler that sends so many bytes a second over each connection."""

    class Slow(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        copyfile: Callable[..., None] = staticmethod(lambda source, out: send(source, out, rate))

    return Slow


def send(source: object, out: object, rate: int) -> None:
    """Copy a stream at a rate."""
    start, sent = time.monotonic(), 0
    while data := source.read(1 << 16):  # type: ignore[attr-defined]
        out.write(data)  # type: ignore[attr-defined]
        sent += len(data)
        time.sleep(max(0.0, sent / rate - (time.monotonic() - start)))


def install(script: Path, key: Path, env: Mapping[str, str]) -> float:
    """Run a script of a step in a new container; return the seconds."""
    options = ["--rm", "--network=host", "--tmpfs=/run/claylinux-apt:exec"]
    mounts = [f"--volume={script}:/script:ro", f"--volume={key}:/key.asc:ro"]
    command = ["docker", "run", *options, *mounts, "debian:trixie", "sh", "-euc", ". /script"]
    start = time.monotonic()
    done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        raise EngineError(f"the step failed:\n{done.stderr}")
    return time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
