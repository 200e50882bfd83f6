"""Builds that sign: always the same bytes, never unsigned, and the key is nowhere afterwards."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from imager import keys
from tests.support import leftovers
from tests.support.engine import Engine, digests
from tests.support.secure_boot import make_signer, openssl
from tests.support.updates import make_pair, make_updatable
from tests.support.vm import require_tool

pytestmark = pytest.mark.engine

MARK = "claylinux-mark-of-a-signing-key-41f6d2"
WITH_KEY = "secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}"
UPDATE = ("version: 1.0.0", "update: {key: {secret: update.key, public: update.pub}}")
WITH_BOTH = "secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}, pcr_key: {secret: pcr.key}}"
ELSEWHERE = "secure_boot: {certificate: {source: db.crt}, signature: {source: edge.sig}}"
CERTIFICATE_SECRET = "secure_boot: {certificate: {secret: db.crt}, key: {secret: db.key}}"


@pytest.fixture
def project(small: Path, tmp_path: Path) -> Path:
    """A build context with a key, whose certificate is in the context and whose private key is not."""
    project = tmp_path / "project"
    shutil.copytree(small, project)
    shutil.copy(make_signer(tmp_path).certificate, project / "db.crt")
    write(project, WITH_KEY)
    return project


def write(project: Path, *more: str) -> None:
    lines = ("# syntax=claylinux/frontend", "name: edge", "base: {dockerfile: Dockerfile, target: system}")
    (project / "claylinux.yaml").write_text("\n".join((*lines, "outputs: [raw, iso, efi]", *more, "")))


def key(project: Path, name: str = "db") -> str:
    return f"--secret=id=db.key,src={project.parent / name}.key"


def verified(project: Path, program: Path) -> None:
    """Ask two programs that verify; they share no code with ours."""
    require_tool("sbverify", "osslsigncode")
    for words in (("sbverify", "--cert", "db.crt"), ("osslsigncode", "verify", "-CAfile", "db.crt", "-in")):
        done = subprocess.run([*words, str(program)], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_output_carries_the_one_signed_program_and_again(engine: Engine, project: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    told = engine.buildx(project, key(project), output=one).check().log
    assert "signed by CN=db (certificate SHA-256 " in told
    verified(project, one / "edge.efi")
    program = (one / "edge.efi").read_bytes()
    for name in ("edge.img", "edge.iso"):
        assert program in (one / name).read_bytes()
    engine.buildx(project, key(project), output=two, no_cache=True).check()
    assert digests(one) == digests(two)


def test_both_ways_give_the_same_bytes(engine: Engine, project: Path, tmp_path: Path) -> None:
    """For all outputs and for one, whose UKI would be another one if it was not signed."""
    here, elsewhere, alone = (tmp_path / name for name in ("here", "elsewhere", "alone"))
    engine.buildx(project, key(project), output=here).check()
    write(project, ELSEWHERE)
    engine.buildx(project, output=tmp_path / "tbs", target="tbs").check()
    message = tmp_path / "tbs/edge.tbs"
    (project / "edge.sig").write_bytes(
        openssl("dgst", "-sha256", "-sign", str(project.parent / "db.key"), str(message))
    )
    engine.buildx(project, output=elsewhere).check()
    engine.buildx(project, output=alone, target="raw").check()
    assert digests(elsewhere) == digests(here)
    assert digests(alone).items() <= digests(here).items()
    # Another system: the signature does not fit, and what differs is named.
    meaning = json.loads((tmp_path / "tbs/edge.tbs.json").read_text())
    meaning["signature"] = base64.b64encode((project / "edge.sig").read_bytes()).decode()
    (project / "edge.sig").write_text(json.dumps(meaning))
    write(project, ELSEWHERE, "kernel: {cmdline: quiet debug}")
    refused = engine.buildx(project, output=tmp_path / "never")
    assert refused.returncode != 0 and "What differs: .cmdline, .initrd. Sign what" in refused.log
    assert not (tmp_path / "never").exists()


def test_a_missing_or_wrong_key_is_an_error_at_its_line(engine: Engine, project: Path, tmp_path: Path) -> None:
    """Also if the signed system is in the cache."""
    out = tmp_path / "out"
    for _ in range(2):
        missing = engine.buildx(project, output=out)
        assert "[secure boot] check key and certificate needs the secret `db.key`: pass it with" in missing.log
        assert "claylinux.yaml:5" in missing.log
        make_signer(tmp_path, "other")
        wrong = engine.buildx(project, key(project, "other"), output=out)
        assert "imager: error: `key`: it is not the key of the certificate CN=db" in wrong.log
        assert "claylinux.yaml:5" in wrong.log
        assert (missing.returncode, wrong.returncode, out.exists()) == (1, 1, False)
        engine.buildx(project, key(project), output="type=cacheonly").check()


@pytest.mark.parametrize("text", [WITH_KEY, CERTIFICATE_SECRET], ids=["context", "secret"])
def test_a_new_certificate_signs_anew_and_packs_nothing(
    engine: Engine, project: Path, tmp_path: Path, text: str
) -> None:
    write(project, text)
    certificate = f"--secret=id=db.crt,src={project}/db.crt"
    engine.buildx(project, key(project), certificate, output=tmp_path / "old").check()
    again = engine.buildx(project, key(project), certificate, output=tmp_path / "again").check()
    assert "[secure boot] sign" in again.cached
    shutil.copy(make_signer(tmp_path, "new").certificate, project / "db.crt")
    renewed = engine.buildx(project, key(project, "new"), certificate, output=tmp_path / "new").check()
    assert "[secure boot] sign" in renewed.executed
    assert "[uki]" in " ".join(renewed.executed)  # which names the signer
    assert not any(name.startswith("[initramfs]") for name in renewed.executed)
    verified(project, tmp_path / "new/edge.efi")


def test_a_part_that_is_built_again_is_signed_again(engine: Engine, project: Path, tmp_path: Path) -> None:
    """A step that gives other bytes each time, without the cache: an old signature must not meet a new system."""
    write(project, WITH_KEY, "run: [head -c 64 /dev/urandom | od > /random]")
    programs = []
    for number in range(2):
        out = tmp_path / f"out-{number}"
        engine.buildx(project, key(project), "--no-cache-filter=run", output=out).check()
        verified(project, out / "edge.efi")
        programs.append((out / "edge.efi").read_bytes())
    assert programs[0] != programs[1]


def test_the_report_says_by_whom(engine: Engine, project: Path, tmp_path: Path) -> None:
    engine.buildx(project, key(project), output=tmp_path, target="report").check()
    found = json.loads((tmp_path / "edge.report.json").read_text())["signer"]
    assert found["subject"] == "CN=db"
    assert f"Secure Boot: signed by CN=db, SHA-256 {found['sha256']}\n" in (tmp_path / "edge.report.txt").read_text()


def test_a_dockerfile_signs_too(engine: Engine, project: Path, tmp_path: Path) -> None:
    """With the key for measurements, too: the prediction of `secure_boot` is the same."""
    flags = (key(project), f"--secret=id=pcr.key,src={make_signer(tmp_path, 'pcr').key}")
    write(project, WITH_BOTH)
    engine.buildx(project, *flags, output=tmp_path / "yaml", target="efi").check()
    mounts = (
        "from=system,target=/system",
        "type=secret,id=db.key",
        "type=secret,id=pcr.key",
        "source=db.crt,target=/db",
    )
    words = "-o /out/edge --secure-boot-key db.key --secure-boot-pcr-key pcr.key --secure-boot-cert /db"
    step = f"WORKDIR /run/secrets\nRUN {' '.join(f'--mount={each}' for each in mounts)} build-image -f efi {words}"
    head, last = (project / "Dockerfile").read_text().split("FROM claylinux/imager AS build\n")
    (project / "Dockerfile").write_text(f"{head}FROM claylinux/imager AS build\n{step}\nFROM {last.split('FROM ')[1]}")
    engine.buildx(project, "-f", "Dockerfile", *flags, output=tmp_path / "out").check()
    verified(project, tmp_path / "out/edge.efi")
    places = ("yaml/edge.pcrs.json", "out/edge.efi.pcrs.json")
    predicted = [json.loads((tmp_path / place).read_text()) for place in places]
    sections = [{each["name"]: each["sha256"] for each in one["sections"]} for one in predicted]
    assert sections[0].keys() == sections[1].keys()
    assert sections[0][".pcrpkey"] == sections[1][".pcrpkey"]


def test_the_keys_are_nowhere(throwaway_engine: Callable[..., Engine], project: Path, tmp_path: Path) -> None:
    """Nor are those that lie in the build context, beside the updates to enroll."""
    engine = throwaway_engine(containerd_store=True)
    assert keys.main([f"--directory={project}/keys", "--no-microsoft"]) == 0
    pair = make_pair(tmp_path)
    (project / "update.pub").write_bytes(pair.public.read_bytes())
    make_updatable(project)
    write(project, f"{WITH_BOTH[:-1]}, enroll: keys}}", *UPDATE)
    text = (project / "claylinux.yaml").read_text().replace("target: system", "target: updatable")
    (project / "claylinux.yaml").write_text(text.replace("[raw, iso, efi]", "[raw, enroll, ovmf-vars]"))
    needles = [MARK.encode()]
    for private in (project.parent / "db.key", make_signer(tmp_path, "pcr").key, pair.key):
        private.write_text(f"{MARK}\n{private.read_text()}")
        numbers = openssl("pkey", "-in", str(private), "-outform", "DER")
        # What is searched for: the text, a line of the PEM, and parts of the numbers as they are.
        needles += [private.read_bytes().split(b"\n")[4], numbers[600:632], numbers[900:932]]
    needles += [each.read_bytes().split(b"\n")[4] for each in (project / "keys").glob("*.key")]
    assert len(needles) == 13
    certificate, update = ((project / name).read_bytes() for name in ("db.crt", "keys/PK.auth"))
    kinds, public, enrolled, private_places = set(), set(), set(), []
    flags = (
        key(project),
        f"--secret=id=pcr.key,src={tmp_path}/pcr.key",
        f"--secret=id=update.key,src={pair.key}",
        "--target=",
    )
    for place in leftovers.build(engine, tmp_path / "engine", project, tmp_path, *flags):
        kinds.add(place.kind)
        if place.holds_any([certificate.split(b"\n")[2]]):
            public.add(place.kind)
        if place.holds_any([update[-200:]]):
            enrolled.add(place.kind)
        if place.holds_any(needles):
            private_places.append((place.kind, place.name))
    assert kinds == leftovers.KINDS
    # The certificate and the updates, which are public, are where they have to be: the search finds what is there.
    assert public >= {"cache", "engine"}
    assert enrolled >= {"layer", "engine"}
    assert private_places == []
