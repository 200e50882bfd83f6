"""Cut the power of a machine while it installs itself, at any moment, on a disk that has a cache.

One machine does it once, and all that it writes and flushes is recorded. A power cut is then a part of the recording:
what was flushed, and any part of what was not (see tests/support/write_log.py). Each disk that is left has to be one of
two: a whole installation, which other programs judge as well, or one without partitions, on which the same command
works again. The first and the last of the whole ones also boot.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from localvm.machine import Drive, Machine
from tests.campaigns.running import Tally, main, rounds
from tests.support import installed
from tests.support.engine import REPOSITORY, Engine, environment, run_tool
from tests.support.vm import boot
from tests.support.write_log import Recording, note_flushes, recorded

POINTS = 40
"""Power cuts of a round."""
AGAIN, WHOLE = "installed again", "whole"
_CONTEXT = REPOSITORY / "tests/boot/install"
_SECONDS = 600.0
_MIB = 1 << 20


def build(engine: Engine, top: Path) -> Path:
    """Return an image that installs itself."""
    context = top / "context"
    shutil.copytree(_CONTEXT, context)
    file = context / "claylinux.yaml"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("secure_boot:")))
    engine.buildx(context, "--target=raw", output=top / "out").check()
    return top / "out/installer.img"


def record(medium: Path, top: Path) -> Recording:
    """Let a machine install itself on an empty disk, and return what it wrote."""
    recording = Recording(top / "before.img", top / "writes.log")
    for file in (recording.before, disk := top / "disk.img"):
        empty(file, 2 * medium.stat().st_size + 100 * _MIB)
    recording.log.touch()
    drives = (Drive(path=medium), Drive(path=disk, keep=True, log=recording.log))
    with boot(Machine(drives=drives, memory_mib=1280)) as console:
        console.expect(r"claylinux: install: /dev/vdb has the system", _SECONDS)
        assert console.wait_off(_SECONDS) == 0
    installed.check(disk, medium)
    disk.unlink()
    return recording


def record_here(medium: Path, top: Path, before: str = "") -> Recording:
    """The same without a machine: the command runs here, `before` it some script, and a file records its writes."""
    guest = installed.machine(top / "recorded", "dash", medium)
    size = (2 * medium.stat().st_size // _MIB + 20) * _MIB
    with recorded(guest.disk("vda", 0), size, top) as recording:
        (guest.place / "sys/block/vda/size").write_text(f"{size // 512}\n")
        code, told = installed.install(guest, "--yes", before=f"{note_flushes(recording)}\n{before}")
        assert code == 0, told
    return recording


def empty(disk: Path, size: int) -> None:
    """Make a disk of zeros."""
    with disk.open("wb") as file:
        file.truncate(size)


def try_all(tally: Tally, recording: Recording, medium: Path, points: int, random: Random, top: Path) -> list[Path]:
    """Cut the power so often, and return the first and the last disk with a whole installation."""
    whole: list[Path] = []
    for point, disk in recording.cuts(points, random, top):
        tally.inputs += 1
        try:
            outcome = judge(disk, medium, top / "machine")
        except (AssertionError, subprocess.CalledProcessError) as error:
            tally.fail(type(error).__name__, f"after {point} entries of the log: {error}")
            continue
        tally.outcomes[outcome] += 1
        if outcome == WHOLE:
            whole = [*whole[:1], Path(shutil.copyfile(disk, top / f"whole{min(len(whole), 1)}.img"))]
    return whole


def judge(disk: Path, medium: Path, scratch: Path) -> str:
    """Return what a disk is after a power cut. Raises AssertionError if it is neither of the two."""
    if installed.has_table(disk) and not is_marked(disk):
        installed.check(disk, medium)
        return WHOLE
    shutil.rmtree(scratch, ignore_errors=True)
    guest = installed.machine(scratch, "dash", medium)
    target = guest.disk("vda", disk.stat().st_size // _MIB)
    disk.replace(target)
    code, told = installed.install(guest, "--yes")
    assert code == 0, told
    installed.check(target, medium)
    return AGAIN


def is_marked(disk: Path) -> bool:
    """Return whether the header of the table is not yet there: whatever a reader makes of the second one."""
    with disk.open("rb") as file:
        file.seek(512)
        return file.read(9) == b"CLAYLINUX"


def campaign(seconds: float, seed: int) -> Tally:
    """Record an installation, and cut the power at `POINTS` moments of it in each round."""
    run_tool("engine", "up")
    run_tool("frontend-image")
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="power-cuts-") as scratch:
        top = Path(scratch)
        medium = build(Engine(environment()), top)
        recording = record(medium, top)
        for random in rounds(seconds, seed):
            for disk in try_all(tally, recording, medium, POINTS, random, top):
                with boot(Machine(drives=(Drive(path=disk),), memory_mib=1280)) as console:
                    console.expect(r"^installer login: |^report-begin=42", _SECONDS)
                tally.outcomes["booted"] += 1
    return tally


if __name__ == "__main__":
    sys.exit(main("power_cuts", campaign, sys.argv[1:]))
