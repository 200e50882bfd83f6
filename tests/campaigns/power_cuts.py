"""Cut the power of a machine while it installs itself, at any moment, on a disk that has a cache.

A medium does it once on an empty disk, and once over an older version, and all that it writes and flushes is recorded.
A power cut is then a part of the recording: what was flushed, and any part of the rest (tests/support/write_log.py).
Each disk that is left has to be one of these: a whole installation, which other programs judge as well; the older
version, to the byte; or one without partitions, on which the same command works again. Some of them also go on in a
machine: firmware starts what is there; where that is not the whole new version, it is installed again, and starts.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from localvm.machine import Drive
from tests.campaigns.cutting import attempt, tiny_system
from tests.campaigns.running import Tally, main, rounds
from tests.support import installed
from tests.support.tiny import NEW, OLD, SECONDS, System
from tests.support.write_log import Recording, note_flushes, recorded

POINTS, BOOTS = 60, 25
"""Power cuts of a round for each case: those that are only judged, and those that go on in a machine."""
AGAIN, WHOLE, BEFORE = "to install again", "whole", "as before"
_MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """An installation: `medium` has `version`, and gets `words`. `before` is the older version on the disk, if any."""

    recording: Recording
    medium: Path
    version: str
    words: str
    before: Path | None = None


def record_all(system: System, top: Path) -> list[Case]:
    """Let a machine install itself on an empty disk, and over an older version, and return what it wrote."""
    empty, old = top / "empty.img", system.disk(top / "old.img")
    with empty.open("wb") as file:
        file.truncate(old.stat().st_size)
    version, state = system.start(old)
    assert (version, state.split()[0]) == (OLD, "kept:")
    cases = [
        Case(Recording(empty, top / "empty.log"), system.image, OLD, "claylinux.install=auto"),
        Case(Recording(old, top / "old.log"), system.newer, NEW, "wipe", old),
    ]
    for case in cases:
        disk = Path(shutil.copyfile(case.recording.before, top / "disk.img"))
        case.recording.log.touch()
        said = system.install(case.medium, disk, case.words, case.recording.log)
        assert said.startswith("/dev/vdb has the system"), said
        installed.check(disk, case.medium)
    return cases


def record_here(medium: Path, top: Path, before: str = "") -> Recording:
    """The same without a machine: the command runs here, `before` it some script, and a file records its writes."""
    guest = installed.machine(top / "recorded", "dash", medium)
    size = (2 * medium.stat().st_size // _MIB + 20) * _MIB
    with recorded(guest.disk("vda", 0), size, top) as recording:
        (guest.place / "sys/block/vda/size").write_text(f"{size // 512}\n")
        code, told = installed.install(guest, "--yes", before=f"{note_flushes(recording)}\n{before}")
        assert code == 0, told
    return recording


def try_all(tally: Tally, case: Case, points: int, random: Random, top: Path) -> None:
    """Cut the power so often, and judge what is left."""
    for point, disk in case.recording.cuts(points, random, top):
        attempt(tally, point, partial(judge, disk, case, top / "machine", tally))


def what_is(disk: Path, case: Case) -> str:
    """Return what a disk is after a power cut. Raises AssertionError if it is nothing of all that."""
    if not installed.has_table(disk) or is_marked(disk):
        return AGAIN
    if case.before is None or installed.guid(disk) != installed.guid(case.before):
        installed.check(disk, case.medium)
        return WHOLE
    assert disk.read_bytes() == case.before.read_bytes(), "the older version is damaged"
    return BEFORE


def judge(disk: Path, case: Case, scratch: Path, tally: Tally) -> None:
    """Judge a disk after a power cut by other programs. Without an installation, the same command works again."""
    tally.outcomes[found := what_is(disk, case)] += 1
    if found != AGAIN:
        return
    shutil.rmtree(scratch, ignore_errors=True)
    guest = installed.machine(scratch, "dash", case.medium)
    target = guest.disk("vda", disk.stat().st_size // _MIB)
    disk.replace(target)
    code, told = installed.install(guest, "--yes")
    assert code == 0, told
    installed.check(target, case.medium)


def go_on(system: System, disk: Path, case: Case, tally: Tally) -> None:
    """Start a disk after a power cut; install on it again, unless it is whole; and start that."""
    found, shown = what_is(disk, case), starts(system, disk)
    tally.outcomes[f"{found}, and version {shown} starts" if shown else f"{found}, and nothing starts"] += 1
    # Firmware writes the first table anew if only the second one is there, which is so for one moment.
    expected = {WHOLE: {case.version}, BEFORE: {OLD}, AGAIN: {"", case.version, OLD if case.before else ""}}
    assert shown in expected[found], f"{found}, and the firmware starts {shown}"
    if found != WHOLE:
        said = system.install(case.medium, disk, case.words)
        done = said.endswith("has the system")
        assert done or shown == case.version, said
        tally.outcomes["installed again in a machine" if done else "made whole by the firmware"] += 1
        installed.check(disk, case.medium)
    assert system.start(disk) == (case.version, f"kept: {case.version} / {case.version} / of the image")
    tally.outcomes["booted"] += 1


def starts(system: System, disk: Path) -> str:
    """Return the version that firmware starts from a disk, or nothing. The disk stays as it is."""
    with system.boot(Drive(path=disk)) as console:
        return console.expect(r"^boot of version (\d)|No bootable option|Interactive Shell", SECONDS)[1] or ""


def is_marked(disk: Path) -> bool:
    """Return whether the header of the table is not yet there: whatever a reader makes of the second one."""
    with disk.open("rb") as file:
        file.seek(512)
        return file.read(9) == b"CLAYLINUX"


def campaign(seconds: float, seed: int, inputs: int = 0) -> Tally:
    """Record installations. Cut the power at `POINTS` moments of each in each round, and at `inputs` with boots."""
    tally = Tally()
    with tiny_system() as (system, top):
        cases = record_all(system, top)
        for random in rounds(seconds, seed):
            for case in cases:
                try_all(tally, case, POINTS, random, top)
                for point, disk in case.recording.cuts(inputs or BOOTS, random, top):
                    attempt(tally, point, partial(go_on, system, disk, case, tally))
    return tally


if __name__ == "__main__":
    sys.exit(main("power_cuts", campaign, sys.argv[1:]))
