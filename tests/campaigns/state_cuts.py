"""Cut the power of a machine while it makes its state at the first boot, or lets it grow, on a disk that has a cache.

All that it writes and flushes is recorded, from the firmware to the end of the boot. Whatever a power cut leaves of it
(see tests/support/write_log.py), the table is readable, and what had been synced is there. Some of the disks start once
more: the machine comes up with its state.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localvm.machine import Drive
from tests.campaigns.cutting import attempt, tiny_system
from tests.campaigns.running import Tally, main, rounds
from tests.support import installed, partitions
from tests.support.tiny import OLD, SECONDS, System, grow
from tests.support.write_log import Recording, entries

POINTS, BOOTS = 100, 10
"""Power cuts of a round for each case: those that are only judged, and those that start."""


@dataclass(frozen=True)
class Case:
    """A boot that was recorded. The file had `lines` before, and one more after `synced` entries of the log."""

    recording: Recording
    esp: str
    """The digest of the first partition, which is never written."""
    lines: int
    synced: int

    def kept(self, point: int) -> int:
        """Return how many lines had been synced before a power cut."""
        return self.lines + (point >= self.synced)


def record_all(system: System, top: Path) -> list[Case]:
    """Record the first boot, and that after the disk has grown."""
    disk = Path(shutil.copyfile(system.image, top / "disk.img"))
    found = []
    for lines in range(2):
        before = Path(shutil.copyfile(grow(disk), top / f"before-{lines}.img"))
        recording = Recording(before, top / f"writes-{lines}.log")
        recording.log.touch()
        with system.boot(Drive(path=disk, keep=True, log=recording.log)) as console:
            console.expect(rf"^kept: {'1 ' * (lines + 1)}/ ", SECONDS)
            synced = len(entries(recording.log))
            assert console.wait_off(SECONDS) == 0
        case = Case(recording, partitions.digest(partitions.partitions(before, "old")[0]), lines, synced)
        judge(disk, case, len(entries(recording.log)), Tally())
        found.append(case)
    return found


def judge(disk: Path, case: Case, point: int, tally: Tally) -> None:
    """Judge a disk after a power cut, and repair its state as the machine does it."""
    assert installed.has_table(disk), "no program reads a partition table"
    esp, _, *rest = partitions.partitions(disk)
    assert partitions.digest(esp) == case.esp, "the EFI partition is another one"
    name = installed.output_of("sfdisk", "--part-label", disk, "3").strip() if rest else "no state"
    tally.outcomes[name] += 1
    if name == "STATE":
        partitions.repair(rest[0])
        assert not (said := partitions.complaint(rest[0])), said
    assert lines(rest[0] if name == "STATE" else None) >= case.kept(point), f"{name}: something is lost"


def lines(state: Path | None) -> int:
    """Return how many boots a state has noted."""
    if state is None:
        return 0
    done = subprocess.run(("debugfs", "-R", "cat /boots", state), capture_output=True, text=True, check=True)
    return len(done.stdout.split())


def start(system: System, disk: Path, case: Case, point: int, tally: Tally) -> None:
    """Start a disk after a power cut: the machine has its state."""
    version, said = system.start(disk)
    boots, kept, file = said.removeprefix("kept: ").split("/ ")
    assert (version, file, len(boots.split()) > case.kept(point)) == (OLD, "of the image", True), said
    assert len(kept.split()) > case.lines, said
    for part in partitions.partitions(disk):
        assert not (problem := partitions.complaint(part)), problem
    tally.outcomes["booted"] += 1


def campaign(seconds: float, seed: int, inputs: int = 0) -> Tally:
    """Record boots. Cut the power at `POINTS` moments of each in each round, and at `inputs` with another boot."""
    tally = Tally()
    with tiny_system() as (system, top):
        cases = record_all(system, top)
        for random in rounds(seconds, seed):
            for case in cases:
                for point, disk in case.recording.cuts(POINTS, random, top):
                    attempt(tally, point, partial(judge, disk, case, point, tally))
                for point, disk in case.recording.cuts(inputs or BOOTS, random, top):
                    attempt(tally, point, partial(start, system, disk, case, point, tally))
    return tally


if __name__ == "__main__":
    sys.exit(main("state_cuts", campaign, sys.argv[1:]))
