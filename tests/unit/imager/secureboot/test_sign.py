"""Signed programs, judged by programs that share no code with ours."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pefile  # type: ignore[import-untyped]
import pytest

from imager.commands import perform
from imager.core.errors import ImagerError
from imager.requests.outputs import Efi
from imager.requests.packing import Uki
from imager.requests.secureboot import Sign, ToSign
from tests.support.imager import EPOCH, make_pe, make_system
from tests.support.secure_boot import Signer, make_signer, openssl
from tests.support.vm import require_tool

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def uki(tmp_path: Path) -> Path:
    """A layout with pieces of several files, and with gaps."""
    (tmp_path / "stub").write_bytes(make_pe(room=0x1000))
    (tmp_path / "one").write_bytes(b"1" * 70001)
    (tmp_path / "two").write_bytes(b"2" * 4099)
    make_system(tmp_path / "system")
    return lay_out(tmp_path)


def lay_out(home: Path, cmdline: str = "quiet") -> Path:
    request = Uki(
        system=str(home / "system"),
        kernel_version="6.1.0-1-amd64",
        initrd=(str(home / "one"), str(home / "two")),
        cmdline=cmdline,
        stub=str(home / "stub"),
        architecture="amd64",
        output=str(home / "uki.json"),
        epoch=EPOCH,
    )
    perform(request)
    return home / "uki.json"


def sign(uki: Path, signer: Signer, signature: Path | None = None) -> Path:
    """Return the signed program."""
    how = {"signature": str(signature)} if signature else {"key": str(signer.key)}
    signed = uki.with_name("signed.json")
    perform(Sign(uki=str(uki), certificate=str(signer.certificate), output=str(signed), epoch=EPOCH, **how))
    return write(signed)


def write(layout: Path) -> Path:
    program = layout.with_suffix(".efi")
    perform(Efi(uki=str(layout), output=str(program), architecture="amd64", epoch=EPOCH))
    return program


def to_sign(uki: Path, signer: Signer) -> Path:
    output = uki.with_name("edge.tbs")
    perform(ToSign(uki=str(uki), certificate=str(signer.certificate), name="edge", output=str(output), epoch=EPOCH))
    return output


def said(*argv: object) -> str:
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def test_other_programs_accept_it(uki: Path, signer: Signer, capsys: pytest.CaptureFixture[str]) -> None:
    require_tool("sbverify", "osslsigncode")
    program = sign(uki, signer)
    assert said("sbverify", "--cert", signer.certificate, program).splitlines() == ["Signature verification OK"]
    judged = said("osslsigncode", "verify", "-CAfile", signer.certificate, "-in", program)
    assert "Signature verification: ok" in judged
    current, calculated = (
        next(line.split()[-1] for line in judged.splitlines() if line.startswith(start))
        for start in ("Current message digest", "Calculated message digest")
    )
    assert current == calculated
    told = capsys.readouterr().out.splitlines()[-1]
    print_ = openssl("x509", "-in", str(signer.certificate), "-noout", "-fingerprint", "-sha256").decode()
    assert told.startswith(
        f"signed by CN=db (certificate SHA-256 {print_.split('=')[1].strip().replace(':', '').lower()}"
    )
    assert told.endswith(f"Authenticode SHA-256 {calculated.lower()}")


def test_the_digest_is_that_of_sbsign(uki: Path, signer: Signer) -> None:
    """Also the table: length, revision and type, padded to 8 bytes at the end of the file."""
    require_tool("sbsign")
    plain, theirs = write(uki), uki.with_name("theirs.efi")
    said("sbsign", "--key", signer.key, "--cert", signer.certificate, "--output", theirs, plain)
    ours = sign(uki, signer)
    data, other = ours.read_bytes(), theirs.read_bytes()
    directory = pefile.PE(data=data, fast_load=True).OPTIONAL_HEADER.DATA_DIRECTORY[4]
    assert (directory.VirtualAddress % 8, directory.VirtualAddress + directory.Size) == (0, len(data))
    length, revision, kind = struct.unpack_from("<IHH", data, directory.VirtualAddress)
    assert (length, length % 8, revision, kind) == (directory.Size, 0, 0x0200, 2)
    digest = json.loads(to_sign(uki, signer).with_suffix(".tbs.json").read_text())["authenticode"]
    assert bytes.fromhex(digest) in other[directory.VirtualAddress :]
    # Only the entry of the table and the table itself are new.
    unsigned = bytearray(plain.read_bytes())
    at = directory.get_file_offset()
    struct.pack_into("<II", unsigned, at, directory.VirtualAddress, directory.Size)
    assert data[: directory.VirtualAddress] == bytes(unsigned)


def test_the_same_bytes_every_time_and_both_ways(uki: Path, signer: Signer, tmp_path: Path) -> None:
    one = sign(uki, signer).read_bytes()
    assert sign(uki, signer).read_bytes() == one
    signature = tmp_path / "edge.sig"
    signature.write_bytes(openssl("dgst", "-sha256", "-sign", str(signer.key), str(to_sign(uki, signer))))
    assert sign(uki, signer, signature).read_bytes() == one
    # In base64 with line ends, and in the JSON that came with the bytes.
    text = openssl("base64", given=signature.read_bytes())
    meaning = json.loads((tmp_path / "edge.tbs.json").read_text())
    signature.write_bytes(text)
    assert sign(uki, signer, signature).read_bytes() == one
    signature.write_text(json.dumps({**meaning, "signature": text.decode()}))
    assert sign(uki, signer, signature).read_bytes() == one
    # A key service is given the digest, not the bytes.
    digest = bytes.fromhex(meaning["sha256"])
    signature.write_bytes(
        openssl("pkeyutl", "-sign", "-inkey", str(signer.key), "-pkeyopt", "digest:sha256", given=digest)
    )
    assert sign(uki, signer, signature).read_bytes() == one


def test_every_flipped_bit_is_found(uki: Path, signer: Signer, tmp_path: Path) -> None:
    """By sbverify, in each part that firmware looks at: headers, sections, signature."""
    require_tool("sbverify")
    program = sign(uki, signer)
    data = program.read_bytes()
    pe = pefile.PE(data=data, fast_load=True)
    table = pe.OPTIONAL_HEADER.DATA_DIRECTORY[4].VirtualAddress
    places = [0x50, *(section.PointerToRawData + 3 for section in pe.sections), table - 1, len(data) - 40]
    for at in places:
        changed = bytearray(data)
        changed[at] ^= 1
        (tmp_path / "changed.efi").write_bytes(changed)
        assert "verification OK" not in said("sbverify", "--cert", signer.certificate, tmp_path / "changed.efi"), at


@pytest.mark.parametrize("size", [4090, 4096], ids=["padded", "whole"])
def test_a_program_in_a_file_is_signed_too(signer: Signer, tmp_path: Path, size: int) -> None:
    """Its size may be anything: what is missing of 8 bytes is zeros."""
    require_tool("sbverify")
    program = tmp_path / "plain.efi"
    program.write_bytes(make_pe().ljust(size, b"x"))
    signed = sign(program, signer)
    assert "Signature verification OK\n" in said("sbverify", "--cert", signer.certificate, signed)
    with pytest.raises(ImagerError, match=r"^this EFI program is signed already$"):
        sign(signed, signer)


@pytest.mark.parametrize("directories", [4, 5])
def test_the_signature_needs_a_directory(signer: Signer, tmp_path: Path, directories: int) -> None:
    """The fifth one is for certificates; a program with fewer has sections or nothing there."""
    program = bytearray(make_pe())
    struct.pack_into("<I", program, struct.unpack_from("<I", program, 0x3C)[0] + 24 + 108, directories)
    (tmp_path / "few.efi").write_bytes(program)
    if directories == 5:
        assert sign(tmp_path / "few.efi", signer).stat().st_size > len(program)
        return
    with pytest.raises(ImagerError, match="no place for a signature"):
        sign(tmp_path / "few.efi", signer)


def test_a_gap_is_refused(signer: Signer, tmp_path: Path) -> None:
    """Firmware hashes sections, other programs the whole file."""
    program = bytearray(make_pe(room=0x400) + bytes(0x200))
    at = program.index(b".text")
    struct.pack_into("<I", program, at + 20, 0x600)
    (tmp_path / "gap.efi").write_bytes(program)
    with pytest.raises(ImagerError, match=r"^this EFI program has a gap before its section .text, "):
        sign(tmp_path / "gap.efi", signer)
    program[at : at + 8] = b"\xffext\x1b\0\0\0"  # a name is what its maker wrote there
    (tmp_path / "gap.efi").write_bytes(program)
    with pytest.raises(ImagerError, match="its section \ufffdext\x1b, which"):
        sign(tmp_path / "gap.efi", signer)
