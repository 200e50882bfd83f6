"""The TPM opens the state for each image that one key has signed, and for no other; a recovery key opens it, too."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.boot.test_state import CONTEXT, MIB, begin, grow, guest, renew, went_on
from tests.support.engine import Engine
from tests.support.secure_boot import Signer, enroll, make_signer
from tests.support.tpm import swtpm

pytestmark = [pytest.mark.boot, pytest.mark.engine]

RECOVERY = "  /usr/share/recovery: {source: recovery}\n"
SIGNED = "secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}, pcr_key: {secret: pcr.key}}\n"


@dataclass(frozen=True)
class Workshop:
    """Where images are made, and the machine that runs them: its variables, its TPM and its disk stay."""

    engine: Engine
    place: Path
    db: Signer

    def build(self, version: str, pcr: Signer) -> Path:
        """Build a version whose measurements `pcr` signs."""
        keys = (f"--secret=id=db.key,src={self.db.key}", f"--secret=id=pcr.key,src={pcr.key}")
        out = self.place / version
        arguments = {"VERSION": version}
        context = self.place / "context"
        self.engine.buildx(context, "--file=claylinux.yaml", *keys, build_args=arguments, output=out).check()
        return out / "state.img"

    def run(self, image: Path | None = None) -> dict[str, Any]:
        """Boot the disk, for the first time with an image."""
        disk, variables = self.place / "disk.img", self.place / "variables.fd"
        with swtpm(self.place / "tpm") as tpm:
            if image is not None:
                return begin(image, disk, variables=variables, tpm=tpm)
            return guest(disk, variables=variables, tpm=tpm)


@pytest.fixture
def workshop(engine: Engine, tmp_path: Path) -> Workshop:
    context, db = tmp_path / "context", make_signer(tmp_path)
    shutil.copytree(CONTEXT, context)
    file = context / "claylinux.yaml"
    file.write_text(file.read_text().replace("state: {", f"{RECOVERY}{SIGNED}state: {{encrypt: tpm2, "))
    shutil.copy(db.certificate, context / "db.crt")
    (context / "recovery").write_text("")
    enroll(tmp_path / "variables.fd", db, make_signer(tmp_path, "platform"))
    return Workshop(engine, tmp_path, db)


def test_the_first_boot(workshop: Workshop, tmp_path: Path) -> None:
    """It is made and opened again; what is on it cannot be read on the disk."""
    found = workshop.run(workshop.build("1", make_signer(tmp_path, "pcr")))
    assert (found["running"], len(found["recovery"])) == ("running", 71)
    content = (tmp_path / "disk.img").read_bytes()
    assert found["recovery"].encode() not in content
    assert b"OPENSSH PRIVATE KEY" not in content


@pytest.mark.long
def test_the_next_version_opens_it(workshop: Workshop, tmp_path: Path) -> None:
    """One that another key has signed does not, until somebody types the recovery key."""
    pcr, disk = make_signer(tmp_path, "pcr"), tmp_path / "disk.img"
    first = workshop.run(workshop.build("1", pcr))
    renew(workshop.build("2", pcr), disk)
    second = workshop.run()
    went_on(first, second)
    assert (second["json"]["state"]["device"], second["recovery"]) == ("/dev/mapper/claylinux-state", None)
    (tmp_path / "context/recovery").write_text(first["recovery"] + "\n")
    renew(workshop.build("3", make_signer(tmp_path, "others")), disk)
    third = workshop.run()
    assert (third["code"], third["boots"], third["json"]["state"]["device"]) == ("1", "1", None)
    assert third["json"]["state"]["problem"].startswith("the TPM does not open /dev/vda2: this is another machine")
    assert third["unlock"] == "From the next boot on, /dev/vda2 is opened again: reboot."
    grow(disk, disk.stat().st_size + 200 * MIB)
    fourth = workshop.run()
    assert fourth["json"]["state"]["size"] - second["json"]["state"]["size"] > 150 * MIB
    assert (fourth["code"], fourth["boots"], fourth["id"]) == ("0", "3", first["id"])
    renew(workshop.build("2", pcr), disk)
    assert workshop.run()["code"] == "1"  # what the first key sealed is gone
