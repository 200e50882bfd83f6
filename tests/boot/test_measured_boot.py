"""A machine with a TPM measures what the build has predicted, and the system finds the signatures of it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.dockerfile import make_small
from tests.support.engine import Engine
from tests.support.secure_boot import enroll, make_signer, openssl
from tests.support.tpm import swtpm
from tests.support.vm import boot, said

pytestmark = [pytest.mark.boot, pytest.mark.engine]

TEXT = """\
# syntax=claylinux/frontend
name: small
base: {dockerfile: Dockerfile, target: system}
secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}, pcr_key: {secret: pcr.key}}
outputs: [raw]
"""
INIT = """\
#!/bin/sh
mount -t sysfs sysfs /sys
echo "register=$(cat /sys/class/tpm/tpm0/pcr-sha256/11)"
echo "words=$(cat /sys/class/tpm/tpm0/pcr-sha256/12)"
echo "policy=$(sed 's/ *$//' /run/systemd/tpm2-pcr-signature.json)"
echo "key=$(sha256sum < /run/systemd/tpm2-pcr-public-key.pem)"
echo "token $((6*7))"
exec poweroff -f
"""


def test_the_register_has_the_predicted_value(
    engine: Engine, busybox: Path, debian_kernel: Path, tmp_path: Path
) -> None:
    """The system has no systemd, so nothing is measured after the stub."""
    context, out = make_small(tmp_path / "context", busybox, debian_kernel), tmp_path / "out"
    (context / "init").write_text(INIT)
    (context / "claylinux.yaml").write_text(TEXT)
    db, pcr = make_signer(tmp_path), make_signer(tmp_path, "pcr")
    shutil.copy(db.certificate, context / "db.crt")
    keys = (f"--secret=id=db.key,src={db.key}", f"--secret=id=pcr.key,src={pcr.key}")
    engine.buildx(context, *keys, output=out).check()
    predicted = json.loads((out / "small.pcrs.json").read_text())
    variables = enroll(tmp_path / "variables.fd", db, make_signer(tmp_path, "platform"))
    with swtpm(tmp_path / "tpm") as tpm:
        machine = Machine(drives=(Drive(path=out / "small.img"),), variables=variables, tpm=tpm)
        with boot(machine) as console:
            console.expect("^token 42", 400)
            assert console.wait_off(90) == 0
            found = dict(re.findall(r"^(\w+)=(.*?)\r?$", console.text, re.MULTILINE))
    assert found["register"].lower() == predicted["phases"][""]
    assert found["words"].strip("0") == ""
    assert [entry["pcrs"] for entry in json.loads(found["policy"])["sha256"]] == [[11]] * 3
    public = openssl("pkey", "-in", str(pcr.key), "-pubout")
    assert found["key"].split()[0] == hashlib.sha256(public).hexdigest()
    assert "signed by CN=db" in said(console.text)[0]
