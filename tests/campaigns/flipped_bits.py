"""Flip one bit of a signed image, in each of its parts, and let firmware with Secure Boot try to start it.

One machine has many disks, each with another bit flipped, and as the last one the image as it was signed. Firmware
tries them one after the other, so a machine that starts once refuses dozens. A disk counts as refused if the firmware
says so, and as a failure if it starts anything of it. The last disk has to start: it shows that the machine would have.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from localvm.machine import Drive, Machine
from tests.campaigns.running import Tally, main, rounds
from tests.support.dockerfile import make_small
from tests.support.engine import Engine, environment, run_tool
from tests.support.secure_boot import Signer, enroll, make_signer, places
from tests.support.vm import boot, debian_file, newest_kernel

AT_ONCE = 20
"""Disks of a machine: each is a device on its one bus."""
TOKEN = r"^token 42"
"""What the system of tests/support/small computes and prints."""
SECONDS = 300.0
STARTED = "started"
_SAID = re.compile(r"^BdsDxe: (?:failed to \w+|starting) Boot.*?(?:: ([A-Z][A-Za-z ]+))?$", re.MULTILINE)
_MEBIBYTE = 1 << 20
_FILE = """\
# syntax=claylinux/frontend
name: small
base: {dockerfile: Dockerfile, target: system}
"""


@dataclass(frozen=True)
class Lab:
    """Makes images of a small system, and has firmware that starts what `signer` has signed."""

    engine: Engine
    context: Path
    signer: Signer
    variables: Path

    def build(self, out: Path, signer: Signer | None) -> Path:
        """Return an image, signed or not."""
        flags = []
        text = _FILE
        if signer:
            shutil.copy(signer.certificate, self.context / "db.crt")
            text += "secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}\n"
            flags.append(f"--secret=id=db.key,src={signer.key}")
        (self.context / "claylinux.yaml").write_text(text)
        self.engine.buildx(self.context, *flags, output=out).check()
        return out / "small.img"


def laboratory(engine: Engine, top: Path, busybox: Path, kernel: Path) -> Lab:
    """Make keys and firmware."""
    signer = make_signer(top)
    context = make_small(top / "context", busybox, kernel)
    return Lab(engine, context, signer, enroll(top / "variables.fd", signer, make_signer(top, "platform")))


def flip(image: Path, part: str, random: Random, target: Path) -> Path:
    """Copy a disk, with one bit of a part of its program flipped."""
    data = bytearray(image.read_bytes())
    start = program_of(data)
    at = start + random.choice(places(bytes(data[start:]))[part])
    data[at] ^= 1 << random.randrange(8)
    target.write_bytes(data)
    return target


def program_of(disk: bytes | bytearray) -> int:
    """Return where the program starts, behind the partition table and those of the file system.

    It starts with a sector. A table of clusters can have the same two bytes in between.
    """
    return next(at for at in range(_MEBIBYTE, len(disk), 512) if disk[at : at + 2] == b"MZ")


def try_all(images: list[Path], good: Path, variables: Path) -> list[str]:
    """Return what firmware says about each of the images; STARTED for one that it starts."""
    drives = tuple(Drive(path=image) for image in (*images, good))
    with boot(Machine(drives=drives, variables=variables)) as console:
        console.expect(TOKEN, SECONDS)
        answers = [found[1] or STARTED for found in _SAID.finditer(console.text)]
    assert answers[-1] == STARTED, answers
    return answers[:-1]


def campaign(seconds: float, seed: int) -> Tally:
    """Try a machine with `AT_ONCE` flipped bits in each round, in all parts by turns."""
    run_tool("engine", "up")
    run_tool("frontend-image")
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="flipped-bits-") as scratch:
        top = Path(scratch)
        busybox = debian_file("busybox-static", "./bin/busybox")
        lab = laboratory(Engine(environment()), top, busybox, debian_file(newest_kernel(), "./boot/vmlinuz-*"))
        image = lab.build(top / "out", lab.signer)
        data = image.read_bytes()
        parts = list(places(data[program_of(data) :]))
        for random in rounds(seconds, seed):
            chosen = [parts[(tally.inputs + number) % len(parts)] for number in range(AT_ONCE)]
            flipped = [flip(image, part, random, top / f"{number}.img") for number, part in enumerate(chosen)]
            tally.inputs += AT_ONCE
            for part, answer in zip(chosen, try_all(flipped, image, lab.variables), strict=True):
                tally.outcomes[answer] += 1
                if answer == STARTED:
                    tally.fail(f"{part}: started", f"seed {seed}, after {tally.inputs} bits")
    return tally


if __name__ == "__main__":
    sys.exit(main("flipped_bits", campaign, sys.argv[1:]))
