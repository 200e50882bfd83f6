"""An encrypted volume opens for every image that one key has signed for the TPM, and for no other one.

In CI, test_measured_boot.py shows that a TPM measures what was predicted, and that the system finds the signatures.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pefile  # type: ignore[import-untyped]
import pytest

from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.secure_boot import Signer, enroll, make_signer
from tests.support.tpm import swtpm
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

MEASURED = REPOSITORY / "tests/boot/measured"
MIB = 1 << 20
PHASES = ("", "sysinit", "sysinit:ready")


@dataclass(frozen=True)
class Workshop:
    """Where images are made, and the machine that runs them: its variables, its TPM and its disk stay."""

    engine: Engine
    context: Path
    place: Path
    db: Signer

    def build(self, version: str, pcr: Signer | None, words: str = "quiet") -> Path:
        """Build a version with `words` in its command line, whose measurements `pcr` signs, or nobody."""
        out = self.place / version
        keys = (f"--secret=id=db.key,src={self.db.key}", *([f"--secret=id=pcr.key,src={pcr.key}"] if pcr else []))
        text = (MEASURED / "claylinux.yaml").read_text()
        (self.context / "claylinux.yaml").write_text(text if pcr else text.replace(", pcr_key: {secret: pcr.key}", ""))
        arguments = {"VERSION": version, "WORDS": words}
        self.engine.buildx(
            self.context, "--file=claylinux.yaml", *keys, build_args=arguments, output=out, timeout=1800
        ).check()
        return out

    def run(self, out: Path) -> dict[str, str]:
        """Boot an image, and return what the guest says. In each phase the register has the predicted value."""
        disk = Drive(path=self.place / "disk", keep=True)
        with swtpm(self.place / "tpm") as tpm:
            drives = (Drive(path=out / "measured.img"), disk)
            with boot(Machine(drives=drives, variables=self.place / "variables.fd", tpm=tpm)) as console:
                end = console.expect(r"^token 42", 900).start()
                assert console.wait_off(180) == 0
        found = dict(re.findall(r"^found (\w+)=(.*?)\r?$", console.text[:end], re.MULTILINE))
        predicted = json.loads((out / "measured.pcrs.json").read_text())["phases"]
        assert found.pop("registers").lower().split() == [predicted[phase] for phase in PHASES]
        return found


@pytest.fixture
def workshop(engine: Engine, tmp_path: Path) -> Workshop:
    context, db = tmp_path / "context", make_signer(tmp_path)
    shutil.copytree(MEASURED, context)
    shutil.copy(db.certificate, context / "db.crt")
    (context / "old.json").write_text('{"sha256": []}')
    enroll(tmp_path / "variables.fd", db, make_signer(tmp_path, "platform"))
    with (tmp_path / "disk").open("wb") as disk:
        disk.truncate(64 * MIB)
    return Workshop(engine, context, tmp_path, db)


def test_the_next_version_opens_the_volume(workshop: Workshop, tmp_path: Path) -> None:
    """The first version enrolls it.

    The third has signatures of another key, the fourth another command line and no signatures; both also try those of
    the first one. The second opens it again after that: a signature has no date.
    """
    ours, others = make_signer(tmp_path, "pcr"), make_signer(tmp_path, "others")
    first = workshop.build("1", ours)
    (workshop.context / "old.json").write_bytes(signatures(first / "measured.efi"))
    assert workshop.run(first) == {"enrolled": "opened"}
    opened = {"boot": "made by 1", "again": "opened", "old": "closed", "passphrase": "opens"}
    closed = {"boot": "asks", "again": "closed", "old": "closed", "passphrase": "opens"}
    second = workshop.build("2", ours)
    assert workshop.run(second) == opened
    assert workshop.run(workshop.build("3", others)) == closed
    assert workshop.run(workshop.build("4", None, "quiet systemd.show_status=0")) == closed
    assert workshop.run(second) == opened


def signatures(program: Path) -> bytes:
    """Return the section with the signatures of what a TPM measures of a program."""
    (found,) = [each for each in pefile.PE(program, fast_load=True).sections if each.Name == b".pcrsig\0"]
    content: bytes = found.get_data()[: found.Misc_VirtualSize]
    assert [entry["pcrs"] for entry in json.loads(content)["sha256"]] == [[11]] * 3
    return content
