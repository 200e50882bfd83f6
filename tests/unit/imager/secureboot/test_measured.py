"""What a TPM will measure: compared with systemd's own program, and its signatures with OpenSSL's."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from imager.commands import perform
from imager.core.errors import ImagerError
from imager.requests.packing import Uki
from imager.requests.secureboot import Check, Pcrs, Policy
from imager.secureboot import measured
from tests.support.imager import EPOCH, make_pe, make_system, read_sections
from tests.support.secure_boot import Signer, make_signer, openssl
from tests.support.vm import require_tool
from tests.unit.imager.secureboot.test_sign import sign, write

pytestmark = pytest.mark.slow

MEASURE = "/usr/lib/systemd/systemd-measure"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Signer, Signer]:
    home = tmp_path_factory.mktemp("keys")
    return make_signer(home), make_signer(home, "pcr")


@pytest.fixture
def uki(tmp_path: Path, keys: tuple[Signer, Signer]) -> Path:
    return measured_uki(tmp_path, *keys)


def measured_uki(top: Path, db: Signer, pcr: Signer, name: str = "", version: str = "") -> Path:
    """Return the layout of a program with room for signatures, by the steps of a build."""
    (top / "stub").write_bytes(make_pe(room=0x1000))
    (top / "one").write_bytes(b"1" * 70001)
    make_system(top / "system")
    files = {"certificate": str(db.certificate), "key": str(db.key), "pcr_key": str(pcr.key)}
    perform(Check(output=str(top), epoch=EPOCH, **files))
    perform(
        Uki(
            system=str(top / "system"),
            kernel_version="6.1.0-1-amd64",
            initrd=(str(top / "one"),),
            cmdline="quiet",
            stub=str(top / "stub"),
            architecture="amd64",
            output=str(top / "uki.json"),
            epoch=EPOCH,
            name=name,
            version=version,
            signer=str(top / "signer.json"),
            pcr_key=str(top / "pcr.pem"),
        )
    )
    return top / "uki.json"


def policy(uki: Path, signer: Signer) -> Path:
    signed = uki.with_name("policy.json")
    perform(Policy(uki=str(uki), key=str(signer.key), output=str(signed), epoch=EPOCH))
    return signed


def predict(uki: Path) -> dict[str, Any]:
    output = uki.with_name("edge.pcrs.json")
    perform(Pcrs(uki=str(uki), name="edge", output=str(output), epoch=EPOCH))
    found: dict[str, Any] = json.loads(output.read_text())
    return found


def test_it_is_what_systemd_measures(uki: Path) -> None:
    """As far as this version knows the sections: 252 has no .uname."""
    require_tool(MEASURE)
    found = predict(uki)
    names = [each["name"] for each in found["sections"]]
    assert names == [".linux", ".osrel", ".cmdline", ".initrd", ".uname", ".pcrpkey"]
    known = re.findall(
        r"--(\w+)=PATH .*→", subprocess.run([MEASURE, "--help"], check=True, capture_output=True, text=True).stdout
    )
    program = read_sections(write(uki).read_bytes())
    digests, files = {}, []
    for name in (each for each in names if each[1:] in known):
        content = program[name][2]
        digests[name] = hashlib.sha256(content).digest()
        (uki.parent / name).write_bytes(content)
        files.append(f"--{name[1:]}={uki.parent / name}")
    assert len(files) >= 5
    phases = [f"--phase={phase}" for phase in found["phases"]]
    words = (MEASURE, "calculate", "--bank=sha256", "--json=short", *files, *phases)
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    theirs = {each.get("phase", ""): each["hash"] for each in json.loads(done.stdout)["sha256"]}
    assert theirs == {phase: value.hex() for phase, value in measured.phases(digests).items()}
    ours = {each["name"]: each["sha256"] for each in found["sections"]}
    assert {name: ours[name] for name in digests} == {name: digest.hex() for name, digest in digests.items()}


def test_signatures_are_in_the_program_and_change_nothing_that_is_measured(
    uki: Path, keys: tuple[Signer, Signer]
) -> None:
    db, pcr = keys
    before = predict(uki)
    signed = policy(uki, pcr)
    assert predict(signed) == before
    program = sign(signed, db).read_bytes()
    assert policy(uki, pcr).with_suffix(".head").read_bytes() == signed.with_suffix(".head").read_bytes()
    content = read_sections(program)[".pcrsig"][2]
    entries = json.loads(content)["sha256"]
    public = openssl("pkey", "-in", str(pcr.key), "-pubout", "-outform", "PEM")
    assert read_sections(program)[".pcrpkey"][2] == public
    pkcs1 = openssl("rsa", "-in", str(pcr.key), "-RSAPublicKey_out", "-outform", "DER")
    (uki.parent / "public").write_bytes(public)
    for entry, phase in zip(entries, ("", "sysinit", "sysinit:ready"), strict=True):
        assert (entry["pcrs"], entry["pkfp"]) == ([11], hashlib.sha256(pkcs1).hexdigest())
        assert entry["pol"] == measured.policy(bytes.fromhex(before["phases"][phase])).hex()
        (uki.parent / "signature").write_bytes(base64.b64decode(entry["sig"]))
        files = ("-verify", str(uki.parent / "public"), "-signature", str(uki.parent / "signature"))
        assert openssl("dgst", "-sha256", *files, given=bytes.fromhex(entry["pol"])) == b"Verified OK\n"


def test_the_policy_is_that_of_tpm2_tools() -> None:
    """`tpm2_policypcr -l sha256:11` with a register of zeros, and TPM2_PolicyPCR by hand."""
    expected = hashlib.sha256(
        bytes(32) + bytes.fromhex("0000017f00000001000b03000800") + hashlib.sha256(bytes(32)).digest()
    )
    assert measured.policy(bytes(32)) == expected.digest()


def test_another_key_is_refused(uki: Path, keys: tuple[Signer, Signer]) -> None:
    with pytest.raises(ImagerError, match=r"^`pcr_key`: it is not the key that the program was made for$"):
        policy(uki, keys[0])
