"""Keys for Secure Boot, made for a test and thrown away after it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pefile  # type: ignore[import-untyped]

from localvm import host
from tests.support.vm import debian_file, require_tool

SIGNATURE = 256
"""Bytes of a signature by RSA-2048."""


@dataclass(frozen=True)
class Signer:
    """A private key and its certificate, as files in PEM."""

    key: Path
    certificate: Path

    @property
    def der(self) -> bytes:
        """The certificate."""
        return openssl("x509", "-in", str(self.certificate), "-outform", "DER")


def make_signer(directory: Path, name: str = "db", algorithm: str = "rsa:2048", *more: str) -> Signer:
    """Make a key with a certificate that it signed itself."""
    require_tool("openssl")
    signer = Signer(directory / f"{name}.key", directory / f"{name}.crt")
    files = ("-keyout", str(signer.key), "-out", str(signer.certificate))
    openssl("req", "-x509", "-newkey", algorithm, *more, "-noenc", *files, "-subj", f"/CN={name}", "-days", "3650")
    return signer


def openssl(*argv: str, given: bytes = b"") -> bytes:
    """Run openssl and return what it prints."""
    return subprocess.run(("openssl", *argv), input=given, capture_output=True, check=True, timeout=60).stdout


def enroll(variables: Path, db: Signer, platform: Signer) -> Path:
    """Write variables of UEFI firmware that has Secure Boot on and starts what `db` has signed."""
    owner = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
    keys = ("--set-pk", owner, str(platform.certificate), "--add-kek", owner, str(platform.certificate))
    return fw_vars(host.find_firmware().variables, variables, *keys, "--add-db", owner, str(db.certificate), "--sb")


def fw_vars(source: Path, target: Path, *words: str) -> Path:
    """Write variables of UEFI firmware to `target` that are changed as `words` say."""
    program = str(Path(sys.executable).with_name("virt-fw-vars"))
    files = ("--input", str(source), "--output", str(target))
    subprocess.run((program, *files, *words), capture_output=True, check=True, timeout=60)
    return target


def make_medium(medium: Path, program: Path, around: dict[str, bytes]) -> Path:
    """Write a disk whose one file system has a program where firmware looks for it, and other files `around` it."""
    require_tool("mkfs.fat", "mcopy", "mmd")
    files = {"EFI/BOOT/BOOTX64.EFI": program.read_bytes(), **around}
    mebibytes = sum(map(len, files.values())) // (1 << 20) + 40
    made = {parent for name in files for parent in Path(name).parents} - {Path()}
    subprocess.run(("mkfs.fat", "-F", "32", "-C", str(medium), str(mebibytes << 10)), check=True, capture_output=True)
    subprocess.run(("mmd", "-i", str(medium), *(f"::/{each}" for each in sorted(made))), check=True)
    for name, content in files.items():
        subprocess.run(("mcopy", "-i", str(medium), "-", f"::/{name}"), input=content, check=True)
    return medium


def make_addon(words: str, directory: Path) -> bytes:
    """Return what systemd's stub takes for an addon, whose words it appends to the command line. It is not signed."""
    require_tool("objcopy")
    stub = debian_file("systemd-boot-efi", "./usr/lib/systemd/boot/efi/linuxx64.efi.stub")
    text, addon = directory / "words", directory / "words.addon.efi"
    text.write_text(words)
    section = (f"--add-section=.cmdline={text}", "--set-section-flags=.cmdline=data,readonly")
    # Behind all others.
    subprocess.run(("objcopy", *section, "--change-section-vma=.cmdline=0x30000", stub, addon), check=True)
    return addon.read_bytes()


def places(program: bytes) -> dict[str, range]:
    """Return the parts of a signed program that a signature protects, by name: headers, sections, the signature."""
    pe = pefile.PE(data=program, fast_load=True)
    table = pe.OPTIONAL_HEADER.DATA_DIRECTORY[4]
    # The checksum before it is the one field that no signature covers and nothing reads; after it is the table's own.
    found = {"headers": range(pe.FILE_HEADER.get_file_offset(), pe.OPTIONAL_HEADER.get_file_offset() + 64)}
    for section in pe.sections:
        start = section.PointerToRawData
        found[section.Name.rstrip(b"\0").decode()] = range(start, start + section.SizeOfRawData)
    # A PKCS #7 ends with the signature; behind it there may be zeros.
    start = table.VirtualAddress + 8
    end = start + 4 + int.from_bytes(program[start + 2 : start + 4])
    found["signature"] = range(end - SIGNATURE, end)
    return found
