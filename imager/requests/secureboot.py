"""Signatures for UEFI Secure Boot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class Check(Request):
    """Check that firmware can verify what `certificate` signs, and that `key`, if given, is its private key.

    Both are files in PEM. `output` gets the certificate alone, and a file with .json after that name whose it is:
    {"sha256", "subject"} (see `imager.uki.layout.Signer`).
    """

    performed_by: ClassVar[str] = "secureboot.check"
    certificate: str
    key: str = ""
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Sign(Request):
    """Sign the layout `uki` by a private `key`, or attach a `signature` that was made elsewhere.

    `output` ends in .json, like `uki`: the pieces that the signature leaves as they are stay in the files of `uki`.
    """

    performed_by: ClassVar[str] = "secureboot.sign"
    uki: str
    certificate: str
    key: str = ""
    signature: str = ""
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class ToSign(Request):
    """Write the bytes of the layout `uki` that the key of `certificate` has to sign to `output`, and what they mean.

    The meaning is JSON, in a file of the same name with .json at its end (see `imager.secureboot.tbs`).
    """

    performed_by: ClassVar[str] = "secureboot.tbs"
    uki: str
    certificate: str
    name: str
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Enroll(Request):
    """Make a medium that enrolls the signed updates in the directory `keys`, after asking, in setup mode only.

    `name`: how it calls the keys. `loader`: the program that does it, for `architecture`. `label`: see `outputs.Iso`.
    """

    performed_by: ClassVar[str] = "disk.enroll"
    keys: str
    name: str
    loader: str
    architecture: str
    output: str
    epoch: int
    label: str


@dataclass(frozen=True, kw_only=True)
class OvmfVars(Request):
    """Write the variables of OVMF, with the signed updates in the directory `keys` applied."""

    performed_by: ClassVar[str] = "secureboot.ovmf"
    keys: str
    architecture: str
    output: str
    epoch: int
