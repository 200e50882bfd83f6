"""How `build-image` signs: the steps that `secure_boot` of a build file plans, in one process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.commands import perform
from imager.core.errors import UsageError
from imager.requests.secureboot import PCR_KEY, SIGNER, Check, Pcrs, Policy, Sign

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


@dataclass(frozen=True)
class Keys:
    """Files in PEM: a private key and its certificate, and a private key for measurements; empty if there is none."""

    private: str = ""
    certificate: str = ""
    pcr: str = ""


NONE = Keys()


@dataclass(frozen=True)
class Checked:
    """What a program announces: files that say who signs it, and by which key its measurements are signed."""

    signer: str = ""
    pcr_key: str = ""


def add_options(parser: ArgumentParser) -> None:
    """Add what the command line has for it."""
    parser.add_argument(
        "--secure-boot-key",
        default="",
        metavar="FILE",
        help="private key, RSA-2048 in PEM, that signs the image: mount it as a secret",
    )
    parser.add_argument("--secure-boot-cert", default="", metavar="FILE", help="certificate of that key, in PEM")
    parser.add_argument(
        "--secure-boot-pcr-key",
        default="",
        metavar="FILE",
        help="another private key, which signs what a TPM will measure of the image",
    )


def of(arguments: Namespace) -> Keys:
    """Return the keys of a command line; raises UsageError if one of them is missing."""
    keys = Keys(arguments.secure_boot_key, arguments.secure_boot_cert, arguments.secure_boot_pcr_key)
    if bool(keys.private) != bool(keys.certificate):
        raise UsageError("--secure-boot-key and --secure-boot-cert go together")
    if keys.pcr and not keys.private:
        raise UsageError("--secure-boot-pcr-key needs --secure-boot-key and --secure-boot-cert")
    return keys


def check(keys: Keys, scratch: str, epoch: int) -> Checked:
    """Look at keys and certificate before minutes of packing, not after them. Files go to the directory `scratch`."""
    if not keys.private:
        return Checked()
    files = {"certificate": keys.certificate, "key": keys.private, "pcr_key": keys.pcr}
    perform(Check(output=scratch, epoch=epoch, **files))
    return Checked(scratch + SIGNER, scratch + PCR_KEY if keys.pcr else "")


def sign(keys: Keys, uki: str, image: str, name: str, epoch: int) -> str:
    """Return the layout of the signed program `uki`; as it is without a key.

    What a TPM will measure of it goes to a file beside the `image` that it will be in: others of this name may have
    another program (some formats have an os-release).
    """
    if not keys.private:
        return uki
    perform(Pcrs(uki=uki, name=name, output=f"{image}.pcrs.json", epoch=epoch))
    if keys.pcr:
        perform(Policy(uki=uki, key=keys.pcr, output=(uki := f"{uki.removesuffix('.json')}-policy.json"), epoch=epoch))
    signed = f"{uki.removesuffix('.json')}-signed.json"
    perform(Sign(uki=uki, certificate=keys.certificate, key=keys.private, output=signed, epoch=epoch))
    return signed
