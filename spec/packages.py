"""Package repositories: the key `repositories`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .keys import key
from .values import credentials, paths, words


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineKey:
    """A public key in the build file."""

    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: words.Content = key("The text of the key.", '"-----BEGIN PUBLIC KEY-----..."')


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedKey:
    """A public key in the build context."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key("The path in the build context.", "keys/acme.rsa.pub")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedKey:
    """A public key to download."""

    CHOSEN_BY: ClassVar[str] = "url"
    url: words.Url = key("The URL to download.", "https://packages.example/acme.rsa.pub")
    checksum: words.Checksum = key("The SHA-256 of the key.", f"sha256:{'0' * 64}")


PublicKey = InlineKey | CopiedKey | FetchedKey


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineText:
    """A text that is in the build file."""

    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: words.Content = key("The text.", '"postfix postfix/mailname string mail.example"')


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedText:
    """A text that is in the build context."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key("The path in the build context.", "acme/ca.pem")


SmallText = InlineText | CopiedText


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A file that the build is given as a secret."""

    CHOSEN_BY: ClassVar[str] = "secret"
    secret: credentials.SecretId = key("The ID of the secret: the build has `--secret id=ID,src=FILE`.", "netrc")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageManager:
    """What the package manager has while it works.

    Nothing of it stays in the system, except for `answers`, and what the Debian presets leave out.
    """

    HINTS: ClassVar[Mapping[str, str]] = hints.PACKAGE_MANAGER
    recommends: bool = key("apt: whether `packages` bring what they recommend.", "true", default=False)
    answers: SmallText | None = key(
        "apt: answers to the questions of packages, as debconf-set-selections reads them. The system keeps them.",
        '"postfix postfix/mailname string mail.example"',
        default=None,
    )
    docs: bool = key(
        "Debian presets: whether packages bring manuals, other documentation, and udev's names of devices. Licences "
        "stay in any case.",
        "true",
        default=False,
    )
    languages: tuple[words.Language, ...] = key(
        "Debian presets: the languages, beside English, into which programs and manuals stay translated; or `all`.",
        "[de, pt_BR]",
        default=(),
        one_or_many=True,
        unique=True,
    )
    ca: SmallText | None = key(
        "Certificates, in PEM, of authorities that servers of packages are trusted by, beside those of the system.",
        "{source: acme/ca.pem}",
        default=None,
    )
    proxy: words.ProxyUrl | None = key("The proxy to reach repositories.", "http://proxy.example:3128", default=None)
    credentials: SecretFile | None = key(
        "Names and passwords of repositories, as lines `machine HOST login NAME password PASSWORD`.",
        "{secret: netrc}",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """An additional package repository.

    Without `url`, `components` are added to the repositories of the distribution.
    """

    SHORT: ClassVar[str] = "url"
    url: words.RepositoryUrl | None = key(
        "The URL of the repository.", "https://packages.example/alpine/v3.20/main", default=None
    )
    name: words.RepositoryName | None = key(
        "The name of its files in the system. apk finds the key by this name, which defaults to that of the key file. "
        "Other default: the host name of `url`.",
        "acme",
        default=None,
    )
    suites: tuple[words.Suite, ...] = key(
        "apt: the suites to use, or the directory of a flat repository. Default: the release of the system.",
        "[trixie]",
        default=(),
        one_or_many=True,
    )
    components: tuple[words.Component, ...] = key(
        "The components to use (for example community on Alpine). Default with `url`, for apt: main.",
        "[non-free-firmware]",
        default=(),
        one_or_many=True,
    )
    public_key: PublicKey | None = key(
        "The public key for signatures of its packages or its index.",
        "{source: keys/acme.rsa.pub}",
        name="key",
        default=None,
    )
