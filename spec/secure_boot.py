"""Who signs the system for UEFI Secure Boot: the key `secure_boot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .keys import key
from .values import credentials, paths, words


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateText:
    """A certificate in the build file."""

    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: credentials.Pem = key(
        "The text of the certificate.", '"-----BEGIN CERTIFICATE-----\\nMIIC\\n-----END CERTIFICATE-----\\n"'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """A certificate in the build context."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key("The path in the build context.", "keys/db.crt")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSecret:
    """A certificate that the build is given as a secret."""

    CHOSEN_BY: ClassVar[str] = "secret"
    secret: credentials.SecretId = key("The ID of the secret: the build has `--secret id=ID,src=FILE`.", "db.crt")


Certificate = CertificateText | CertificateFile | CertificateSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """A private key, which the build is given as a secret and never stores."""

    HINTS: ClassVar[Mapping[str, str]] = hints.PRIVATE_KEY
    CHOSEN_BY: ClassVar[str] = "secret"
    secret: credentials.SecretId = key("The ID of the secret: the build has `--secret id=ID,src=FILE`.", "db.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureText:
    """A signature in the build file."""

    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: words.Content = key("The signature in base64.", '"mQINBF..."')


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFile:
    """A signature in the build context."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key(
        "The path in the build context, of the signature, of base64 of it, or of NAME.tbs.json with base64 as "
        "`signature`.",
        "edge.sig",
    )


Signature = SignatureText | SignatureFile


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureBoot:
    """Who signs the system. See docs/guide/secure-boot.md."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SECURE_BOOT
    certificate: Certificate = key(
        "The certificate of the key, in PEM. Machines that start the system have it, or its issuer, in db.",
        "{source: keys/db.crt}",
    )
    private_key: PrivateKey | None = key(
        "The private key (RSA-2048, in PEM) to sign with during the build.",
        "{secret: db.key}",
        name="key",
        default=None,
    )
    signature: Signature | None = key(
        "Instead of `key`: a signature that was made elsewhere, of the bytes that `--target tbs` gives.",
        "{source: edge.sig}",
        default=None,
    )
    pcr_key: PrivateKey | None = key(
        "Another private key (RSA-2048, in PEM). It signs what PCR 11 of a TPM will be: encrypted volumes that trust "
        "it open for this system and its next versions.",
        "{secret: pcr.key}",
        default=None,
    )
    enroll: paths.SourcePath | None = key(
        "The directory in the build context with PK.auth, KEK.auth, db.auth and perhaps dbx.auth, for the outputs "
        "`enroll` and `ovmf-vars`. `docker run claylinux/imager keys` makes them.",
        "keys",
        default=None,
    )
