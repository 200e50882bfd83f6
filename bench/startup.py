"""In the frontend's image: the time until the frontend calls the engine. `bench/noop.py` feeds this to `python3 -`.

It plays as much of the engine as that needs: HTTP/2 (RFC 9113) on the frontend's stdin and stdout.
Prints JSON: the median seconds from the start of the process to each event, and the most expensive imports.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import IO

RUNS = 15
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""An empty SETTINGS frame, which gRPC waits for before any call."""
HEADERS = 1
"""The type of a call's first frame."""
FRONTEND = ("-S", "-m", "frontend")
SHOWN = 12
EVERYTHING = (
    "frontend.__main__", "frontend.app", "frontend.gateway.bridge", "frontend.context",
    "frontend.options",
    "frontend.config", "frontend.result", "frontend.plan.outputs", "frontend.plan.system", "frontend.resolve.base",
)  # fmt: skip
"""The imports of a build, in this order."""
START = "from frontend import precompiled; precompiled.use(); from frontend.gateway import lean; lean.load(); import "
BEFORE_CALL = 3
"""The number of these before the first call."""


def main() -> None:
    calls = [first_call() for _ in range(RUNS)]
    result = {
        "python": timed("-c", "pass"),
        "first_byte": median(call[0] for call in calls),
        "first_call": median(call[1] for call in calls),
        "imports_before": timed("-S", "-c", START + ", ".join(EVERYTHING[:BEFORE_CALL])),
        "imports_all": timed("-S", "-c", START + ", ".join(EVERYTHING)),
        "dearest": dearest(),
    }
    print(json.dumps(result))


def first_call() -> tuple[float, float]:
    """Return the seconds until the HTTP/2 preface, and until the first call."""
    start = time.monotonic()
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, *FRONTEND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, bufsize=0
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        first = exactly(process.stdout, len(PREFACE))
        preface = time.monotonic() - start
        assert first == PREFACE, first
        process.stdin.write(SETTINGS)
        while frame(process.stdout) != HEADERS:
            pass
        call = time.monotonic() - start
        process.kill()
    return preface, call


def frame(stream: IO[bytes]) -> int:
    """Read one frame and return its type."""
    head = exactly(stream, 9)
    exactly(stream, int.from_bytes(head[:3], "big"))
    return head[3]


def exactly(stream: IO[bytes], size: int) -> bytes:
    """Return exactly `size` bytes."""
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise EOFError("the frontend ended without a call")
        data += more
    return data


def timed(*words: str) -> float:
    """Return the median seconds of a whole Python process."""

    def once() -> float:
        start = time.monotonic()
        subprocess.run([sys.executable, *words], check=True)
        return time.monotonic() - start

    return median(once() for _ in range(RUNS))


def dearest() -> list[tuple[str, float]]:
    """Return the modules with the highest own cost in seconds; -X importtime itself slows them down a little."""
    line = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
    runs = []
    for _ in range(RUNS):
        argv = [sys.executable, "-S", "-X", "importtime", "-c", START + ", ".join(EVERYTHING)]
        said = subprocess.run(argv, check=True, text=True, capture_output=True).stderr
        runs.append({name: int(own) / 1e6 for own, name in line.findall(said)})
    own = {name: median(run.get(name, 0.0) for run in runs) for name in runs[0]}
    return sorted(own.items(), key=lambda item: -item[1])[:SHOWN]


if __name__ == "__main__":
    main()
