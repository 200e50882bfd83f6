"""A machine with a TPM measures what the build has predicted, and the system finds the signatures of it.

Neither system has systemd, so nothing is measured after the stub; test_encrypted_volume.py has one that has.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.dockerfile import make_small
from tests.support.engine import BuildResult, Engine
from tests.support.secure_boot import enroll, make_signer, openssl
from tests.support.tpm import swtpm
from tests.support.vm import boot, said

pytestmark = [pytest.mark.boot, pytest.mark.engine]

TEXT = """\
# syntax=claylinux/frontend
name: measured
secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}, pcr_key: {secret: pcr.key}}
outputs: [raw]
"""
SMALL = "base: {dockerfile: Dockerfile, target: system}\n"
# Alpine's linux-virt has no driver for TPMs, and no linux-lts is in reach of all tests: this kernel has one built in.
ALPINE = """\
base: {{image: "{image}"}}
packages: [alpine-base]
services: {{tell: {{command: /usr/bin/tell}}}}
files: {{/usr/bin/tell: {{source: init, mode: "0755"}}, /boot/{kernel}: {{source: {kernel}}}}}
"""
INIT = """\
#!/bin/sh
mount -t sysfs sysfs /sys 2>/dev/null
exec >/dev/console 2>&1
echo "started=$(rc-status -r 2>/dev/null)"
echo "register=$(cat /sys/class/tpm/tpm0/pcr-sha256/11)"
echo "words=$(cat /sys/class/tpm/tpm0/pcr-sha256/12)"
echo "policy=$(sed 's/ *$//' /run/systemd/tpm2-pcr-signature.json)"
echo "key=$(sha256sum < /run/systemd/tpm2-pcr-public-key.pem)"
echo "token $((6*7))"
exec poweroff -f
"""


@pytest.fixture
def context(busybox: Path, debian_kernel: Path, tmp_path: Path) -> Path:
    context = make_small(tmp_path / "context", busybox, debian_kernel)
    (context / "init").write_text(INIT)
    return context


def test_the_register_has_the_predicted_value(engine: Engine, context: Path, tmp_path: Path) -> None:
    found = run(context, SMALL, lambda *words: engine.buildx(context, *words, output=tmp_path / "out"))
    assert found["started"] == ""


def test_on_alpine(alpine: Alpine, context: Path, debian_kernel: Path, tmp_path: Path) -> None:
    text = ALPINE.format(image=alpine.image, kernel=debian_kernel.name)
    found = run(context, text, lambda *words: alpine.build(context, *words, output=tmp_path / "out"))
    assert found["started"] == "default"


def run(context: Path, text: str, build: Callable[..., BuildResult]) -> dict[str, str]:
    """Build a system, boot it on a machine with a TPM, and compare; return what it says."""
    tmp_path, out = context.parent, context.parent / "out"
    (context / "claylinux.yaml").write_text(TEXT + text)
    db, pcr = make_signer(tmp_path), make_signer(tmp_path, "pcr")
    shutil.copy(db.certificate, context / "db.crt")
    build("--file=claylinux.yaml", f"--secret=id=db.key,src={db.key}", f"--secret=id=pcr.key,src={pcr.key}").check()
    predicted = json.loads((out / "measured.pcrs.json").read_text())
    variables = enroll(tmp_path / "variables.fd", db, make_signer(tmp_path, "platform"))
    with swtpm(tmp_path / "tpm") as tpm:
        machine = Machine(drives=(Drive(path=out / "measured.img"),), variables=variables, tpm=tpm)
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
    return found
