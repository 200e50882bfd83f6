"""Signatures for UEFI Secure Boot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request

CERTIFICATE, SIGNER, PCR_KEY = "/certificate.pem", "/signer.json", "/pcr.pem"
"""What a `Check` writes: the certificate alone, whose it is (`imager.uki.layout.Signer`), and the public `pcr_key`."""


@dataclass(frozen=True, kw_only=True)
class Check(Request):
    """Check that firmware can verify what `certificate` signs, and that `key`, if given, is its private key.

    Both are files in PEM, and so is `pcr_key`, a private key for measurements. `output` is a directory, which gets the
    files named above.
    """

    performed_by: ClassVar[str] = "secureboot.check"
    certificate: str
    key: str = ""
    pcr_key: str = ""
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Policy(Request):
    """Put signatures by the private `key` of what PCR 11 will be into the layout `uki`, which has room for them.

    `output` ends in .json, like `uki`: the pieces that stay as they are stay in the files of `uki`.
    """

    performed_by: ClassVar[str] = "secureboot.policy"
    uki: str
    key: str
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Pcrs(Request):
    """Write what PCR 11 will be when a machine runs the unsigned layout `uki` to `output`, as JSON.

    A signature changes nothing of it (see `imager.secureboot.pcrs`).
    """

    performed_by: ClassVar[str] = "secureboot.pcrs"
    uki: str
    name: str
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
