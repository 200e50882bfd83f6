"""What campaigns say of the memory of other processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.campaigns.running import Tally
from tests.support.memory import peak, watched

NEEDS = """
import subprocess, sys
own = bytearray(60 << 20)
subprocess.run([sys.executable, "-c", "own = bytearray(100 << 20); print(1, flush=True); input()"])
"""


@pytest.mark.slow
def test_the_peaks_of_a_process_and_those_below_it() -> None:
    ours = bytearray(200 << 20)
    peaks: dict[str, int] = {}
    name = Path(sys.executable).name
    with subprocess.Popen([sys.executable, "-c", NEEDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 60 <= peak(process.pid) >> 10 < 90, "not what its parent had"
        with watched(lambda: process.pid, peaks):
            deadline = time.monotonic() + 30
            while name not in peaks and time.monotonic() < deadline:
                time.sleep(0.02)
        process.communicate(b"\n")
    del ours
    assert list(peaks) == [name]
    assert 100 <= peaks[name] >> 10 < 130
    assert peak(process.pid) == 0, "it has ended"
    tally = Tally(peaks={"dockerd": 3 << 30})
    assert "; no failure; peak dockerd 3145728 MiB, " in tally.summary("x", 1)
