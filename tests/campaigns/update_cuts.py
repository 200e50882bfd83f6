"""Cut the power of a machine while it updates itself, at any moment, on a disk that has a cache.

One machine with a state goes from version 1 to version 2 once: it writes it, reboots, the loader counts a try, and it
finds that the new version is good. All that it writes and flushes is recorded. What a power cut leaves of it (see
tests/support/write_log.py) then boots, as version 1 or 2. That machine repairs its file system, and finishes the
update. Many more disks are only repaired here, by what the machine calls for it, and judged.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localvm.machine import Drive
from tests.campaigns.cutting import attempt, tiny_system
from tests.campaigns.running import Tally, main, rounds
from tests.support import partitions
from tests.support.tiny import NEW, SECONDS, System
from tests.support.write_log import Recording, entries

BOOTS, POINTS = 20, 100
"""Power cuts of a round: those that boot, and those that are only judged."""
_EMPTY = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class Update:
    """The recording of an update, which begins after so many entries; and what has to come of it."""

    recording: Recording
    begin: int
    esp: str
    """The digest of the first partition, which is never written."""
    program: str
    """That of the program of version 2."""


def record(system: System, top: Path) -> Update:
    """Let a machine update itself, and return what it wrote."""
    recording = Recording(top / "before.img", top / "writes.log")
    disk = shutil.copyfile(system.disk(recording.before), top / "disk.img")
    recording.log.touch()
    drives = (Drive(path=disk, keep=True, log=recording.log), Drive(path=system.pieces))
    with system.boot(*drives, reboots=True) as console:
        console.expect(r"^boot of version 1", SECONDS)
        console.expect(r"^kept: 1 / ", SECONDS)
        begin = len(entries(recording.log))
        console.expect(r"^update: 0 .*starts at the next reboot", SECONDS)
        console.expect(r"^boot of version 2", SECONDS)
        console.expect(r"^update: 0 .*is what runs already", SECONDS)
        assert console.wait_off(SECONDS) == 0
    esp = partitions.digest(partitions.partitions(system.image, "old")[0])
    update = Update(recording, begin, esp, hashlib.sha256(system.new).hexdigest())
    assert judge(partitions.partitions(disk), update) == {"tiny_2.efi": update.program}
    return update


def start(system: System, update: Update, disk: Path, tally: Tally) -> None:
    """Start a disk after a power cut. The machine repairs what it writes to, and then has version 2."""
    tally.outcomes[
        "clean" if all(not partitions.complaint(part) for part in partitions.partitions(disk)) else "to repair"
    ] += 1
    version, state = system.start(disk, Drive(path=system.pieces))
    assert state.startswith("kept: 1 ") and state.endswith("/ of the image"), state
    tally.outcomes[f"booted version {version}"] += 1
    # A version on trial that runs has become good; else, one was written. Where there was nothing to write, a damaged
    # note of the last result stays until there is.
    wanted = "tiny_2.efi" if version == NEW else "tiny_2+3.efi"
    assert repair(update, disk, tally, "left to the next update") == {wanted: update.program}


def repair(update: Update, disk: Path, tally: Tally, outcome: str) -> dict[str, str]:
    """Repair a disk after a power cut as the machine does it, judge what is left, and return the files of versions."""
    parts = partitions.partitions(disk)
    if partitions.complaint(parts[1]):
        tally.outcomes[outcome] += 1
    for part in parts[1:]:
        if partitions.complaint(part):
            partitions.repair(part)
    return judge(parts, update)


def judge(parts: list[Path], update: Update) -> dict[str, str]:
    """Return the files of versions on a disk that was repaired. Raises AssertionError if something is damaged."""
    for number, part in enumerate(parts, 1):
        said = partitions.complaint(part)
        assert not said, f"partition {number} is damaged: {said}"
    assert partitions.digest(parts[0]) == update.esp, "the EFI partition is another one"
    found = partitions.files(parts[1], "EFI/Linux")
    for name, digest in found.items():
        # Of two names of one file, fsck leaves an empty one.
        assert digest in {update.program, _EMPTY} or not name.lower().endswith(".efi"), f"{name} is damaged"
    return {name: digest for name, digest in found.items() if digest != _EMPTY}


def campaign(seconds: float, seed: int, inputs: int = 0, signed: bool = False) -> Tally:
    """Record an update. Cut the power at `inputs` moments of it in each round, and at others without a boot."""
    tally = Tally()
    with tiny_system(signed=signed) as (system, top):
        update = record(system, top)
        for random in rounds(seconds, seed):
            for point, disk in update.recording.cuts(POINTS, random, top, since=update.begin):
                attempt(tally, point, partial(repair, update, disk, tally, "repaired"))
            for point, disk in update.recording.cuts(inputs or BOOTS, random, top, since=update.begin):
                attempt(tally, point, partial(start, system, update, disk, tally))
    return tally


if __name__ == "__main__":
    sys.exit(main("update_cuts", campaign, sys.argv[1:]))
