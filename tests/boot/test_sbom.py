"""The list of what is in a system, compared with what the running system says of itself."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from localvm.machine import Drive, Machine
from tests.boot.test_alpine import LEAST, log_in
from tests.boot.test_secure_boot import ADDON, AROUND, BLOB, CREDENTIAL
from tests.support.alpine import Alpine
from tests.support.answers import ask
from tests.support.engine import REPOSITORY, Engine
from tests.support.secure_boot import make_addon, make_medium
from tests.support.vm import boot

TAKEN = {
    "/run/by-smbios",
    "by-fw-cfg",
    "clay.addon",
    "/.extra/credentials/tmpfiles.extra.cred",
    "/.extra/global_credentials/tmpfiles.extra.cred",
    "/.extra/sysext/more.sysext.raw",
    "/.extra/confext/more.confext.raw",
}
"""What an unsigned system is told. Of what is beside it on the disk, only an initrd of systemd would make anything."""

pytestmark = [pytest.mark.boot, pytest.mark.engine]


def parts(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["packages"]
    return found


def packages(path: Path, kind: str) -> set[tuple[str, str]]:
    """Return the names and versions in a list of packages of one package manager."""
    return {(each["name"], each["versionInfo"]) for each in parts(path) if f"pkg:{kind}/" in json.dumps(each)}


def kernel(path: Path) -> str:
    (found,) = (each["versionInfo"] for each in parts(path) if each["SPDXID"].startswith("SPDXRef-kernel-"))
    version: str = found
    return version


def test_debian(engine: Engine, tmp_path: Path) -> None:
    """The packages that `dpkg -l` lists, the digests of two files, and the kernel.

    Its disk and its hypervisor have for it what those of test_secure_boot.py have for signed systems, of which nothing
    comes there: here it does.
    """
    shutil.copytree(REPOSITORY / "tests/boot/contents", tmp_path, dirs_exist_ok=True)
    out = tmp_path / "out"
    engine.buildx(tmp_path, output=out).check()
    engine.buildx(tmp_path, target="sbom", output=out).check()
    document = out / "contents.spdx.json"
    around = {**AROUND, ADDON: make_addon("clay.addon", tmp_path)}
    drive = Drive(path=make_medium(tmp_path / "medium.img", out / "contents.efi", around), bus="sata")
    with boot(Machine(drives=(drive,), memory_mib=1536, oem_strings=(CREDENTIAL,), blobs=(BLOB,))) as console:
        start = console.expect(r"^report-begin=42\s*$", 300).end()
        end = console.expect(r"^report-end=43", 60).start()
        said = console.text[start:end].replace("\r", "")
        assert console.wait_off(120) == 0
    listed = [line.split() for line in re.findall(r"^package=(.*)$", said, re.MULTILINE)]
    assert len(listed) > 100
    assert packages(document, "deb") == {(name.partition(":")[0], version) for name, version, _ in listed}
    sums = {each["name"]: each["checksums"][0]["checksumValue"] for each in parts(document) if "checksums" in each}
    files = re.findall(r"^file=(\w+)  (.*)$", said, re.MULTILINE)
    assert len(files) == 2
    assert {path: sums[path] for _, path in files} == {path: digest for digest, path in files}
    assert re.findall(r"^kernel=(.*)$", said, re.MULTILINE) == [kernel(document)]
    assert set(re.findall(r"^told=(.*)$", said, re.MULTILINE)) == TAKEN


def test_alpine(alpine: Alpine, tmp_path: Path) -> None:
    """The packages that `apk info` lists, and the kernel, which apk does not know."""
    (tmp_path / "claylinux.yaml").write_text(LEAST.replace("[raw, efi]", "[raw]"))
    out = tmp_path / "out"
    alpine.build(tmp_path, output=out).check()
    alpine.build(tmp_path, "--target=sbom", output=out).check()
    document = out / "least.spdx.json"
    with boot(Machine(drives=(Drive(path=out / "least.img"),), network=True, memory_mib=512)) as console:
        log_in(console, "least")
        listed = ask(console, "apk info -v 2>/dev/null").split()
        version = ask(console, "uname -r").strip()
    found = packages(document, "apk")
    unknown = {(name, number) for name, number in found if name == "linux"}
    assert len(listed) > 20
    assert {f"{name}-{number}" for name, number in found - unknown} == set(listed)
    assert kernel(document) == version
