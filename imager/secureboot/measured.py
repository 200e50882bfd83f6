"""PCR 11 of a TPM: what systemd-stub measures of a program, and what systemd adds while the system runs.

References: systemd-stub(7), systemd-pcrphase.service(8); TCG, "TPM 2.0 Part 3: Commands" (TPM2_PolicyPCR).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imager.secureboot.authenticode import Program, Section

PCR = 11
BANK = "sha256"
PHASES = ("", "sysinit", "sysinit:ready", "sysinit:ready:shutdown", "sysinit:ready:shutdown:final")
"""The phases of a system without an initrd of systemd: init starts it, and nothing has entered or left an initrd.

Without systemd there is only the first one.
"""
WHILE_RUNNING = PHASES[:3]
"""Those in which a volume is opened."""
_ORDER = (".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey",
          ".profile", ".dtbauto", ".hwids", ".efifw")  # fmt: skip
"""The sections that the stub measures, in its order. A signature of the result (.pcrsig) cannot be one of them."""
_CHUNK = 1 << 20


def sections(program: Program) -> dict[str, bytes]:
    """Return the SHA-256 of each section that is measured, in this order."""
    found = {each.name: each for each in program.sections}
    return {name: _digest(program, found[name]) for name in _ORDER if name in found}


def phases(digests: dict[str, bytes]) -> dict[str, bytes]:
    """Return the value of the register in each phase, from what `sections` returned."""
    value = bytes(32)
    for name, digest in digests.items():
        value = _extend(_extend(value, hashlib.sha256(name.encode() + b"\0").digest()), digest)
    found = {}
    for phase in PHASES:
        word = phase.rpartition(":")[2]
        value = _extend(value, hashlib.sha256(word.encode()).digest()) if word else value
        found[phase] = value
    return found


def policy(value: bytes) -> bytes:
    """Return the digest of a policy that is met if the register has this value."""
    command, selection = bytes.fromhex("0000017f"), bytes.fromhex("00000001 000b 03") + (1 << PCR).to_bytes(3, "little")
    return hashlib.sha256(bytes(32) + command + selection + hashlib.sha256(value).digest()).digest()


def _extend(value: bytes, digest: bytes) -> bytes:
    return hashlib.sha256(value + digest).digest()


def _digest(program: Program, section: Section) -> bytes:
    """Return the digest of a section as it is in memory: the file may have padding, and memory zeros at the end."""
    found = hashlib.sha256()
    end = min(section.end, section.start + section.size)
    for chunk in program.chunks(section.start, end):
        found.update(chunk)
    for at in range(end, section.start + section.size, _CHUNK):
        found.update(bytes(min(_CHUNK, section.start + section.size - at)))
    return found.digest()
