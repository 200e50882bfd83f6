"""What a build takes to enroll, and the variables of OVMF that it makes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imager import keys
from imager.core.errors import ImagerError
from imager.requests.secureboot import OvmfVars
from imager.secureboot import enrollment, ovmf, updates
from localvm import host
from tests.support.vm import require_tool


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tool("openssl")
    directory = tmp_path_factory.mktemp("keys")
    for words in (["--no-microsoft"], ["add", "db-2"], ["revoke", "db"]):
        assert keys.main([f"--directory={directory}", *words]) == 0
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    """A copy of what a build gets."""
    for each in made.glob("*.auth"):
        shutil.copy(each, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_dbx_is_optional(directory: Path) -> None:
    assert list(enrollment.load(directory)) == ["PK", "KEK", "db", "dbx"]
    (directory / "dbx.auth").unlink()
    assert list(enrollment.load(directory)) == ["PK", "KEK", "db"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("PK", None, "`secure_boot.enroll`: there is no file "),
        ("db", "dbx.auth", "db.auth: its signature is not that of a whole db by its own certificate"),
        ("KEK", "PK.auth", "KEK.auth: its signature is not that of a whole KEK"),
        ("db", "db-add.auth", "db.auth: its signature is not that of a whole db"),
        ("PK", "PK-remove.auth", "PK.auth: there is nothing in it: it removes the variable"),
        ("PK", "db.crt", "PK.auth: it is no signed update (NAME.auth): a certificate or a list alone is not enough"),
        ("dbx", "empty", "dbx.auth: it is too short for a signed update"),
    ],
)
def test_files_that_firmware_would_not_take(
    made: Path, directory: Path, name: str, source: str | None, told: str
) -> None:
    place = directory / f"{name}.auth"
    if source is None:
        place.unlink()
    else:
        place.write_bytes((made / source).read_bytes() if source != "empty" else b"")
    with pytest.raises(ImagerError) as caught:
        enrollment.load(directory)
    assert told in str(caught.value)


@pytest.mark.slow
def test_every_flipped_byte_and_every_cut_is_noticed(directory: Path) -> None:
    """All of a file is signed, but for the lengths and types around the signature, which have to be right as well."""
    place = directory / "db.auth"
    whole = place.read_bytes()
    passed = []
    for at in range(0, len(whole), 7):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            enrollment.load(directory)
        except ImagerError:
            continue
        passed.append(at)
    # What nobody looks at: the revision, and what the signature says about itself beside its number.
    signature = 16 + int.from_bytes(whole[16:20], "little")
    assert all(20 <= at < signature for at in passed), passed
    for size in range(0, len(whole), 50):
        place.write_bytes(whole[:size])
        with pytest.raises(ImagerError):
            enrollment.load(directory)


def test_a_chip_without_keys_is_the_one_that_distributions_ship() -> None:
    shipped = host.find_firmware().variables.read_bytes()
    assert ovmf.fill("amd64", {}) == shipped


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_another_program_reads_the_variables(directory: Path, architecture: str) -> None:
    output = directory / "vars.fd"
    for _ in range(2):
        ovmf.run(OvmfVars(keys=str(directory), architecture=architecture, output=str(output), epoch=0))
    assert output.stat().st_size == (540_672 if architecture == "amd64" else 64 << 20)
    program = Path(sys.executable).with_name("virt-fw-vars")
    words = (program, "--input", output, "--output-json", directory / "vars.json")
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    found = {each["name"]: each for each in json.loads((directory / "vars.json").read_text())["variables"]}
    assert set(found) == {"PK", "KEK", "db", "dbx"}
    for name, each in found.items():
        update = updates.read((directory / f"{name}.auth").read_bytes())
        assert bytes.fromhex(each["data"]) == update.content
        assert bytes.fromhex(each["time"]) == update.time
        assert each["attr"] == 0x27
        assert each["guid"] == str(updates.VARIABLES[name])


@pytest.mark.slow
def test_too_many_keys_are_told(directory: Path) -> None:
    update = updates.Update(bytes(16), b"", bytes(1 << 18))
    with pytest.raises(ImagerError, match="larger than the variables of OVMF can be"):
        ovmf.fill("amd64", {"db": update})
