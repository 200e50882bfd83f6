"""Where packages come from: the key `repositories`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .keys import key
from .values import credentials, paths, words


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineKey:
    """A public key that is in the build file."""

    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: words.Content = key("The text of the key.", '"-----BEGIN PUBLIC KEY-----..."')


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedKey:
    """A public key that is in the build context."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key("The path in the build context.", "keys/acme.rsa.pub")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedKey:
    """A public key to download."""

    CHOSEN_BY: ClassVar[str] = "url"
    url: words.Url = key("Where to download it.", "https://packages.example/acme.rsa.pub")
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


Text = InlineText | CopiedText


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A file that the build is given as a secret."""

    CHOSEN_BY: ClassVar[str] = "secret"
    secret: credentials.SecretId = key("The ID of the secret: the build has `--secret id=ID,src=FILE`.", "netrc")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageManager:
    """What the package manager has while it works. Nothing of it stays in the system, except for `answers`."""

    recommends: bool = key("apt: whether `packages` bring what they recommend.", "true", default=False)
    answers: Text | None = key(
        "apt: answers to the questions of packages, as debconf-set-selections reads them. The system keeps them.",
        '"postfix postfix/mailname string mail.example"',
        default=None,
    )
    ca: Text | None = key(
        "Certificates, in PEM, of authorities that servers of packages are trusted by, beside those of the system.",
        "{source: acme/ca.pem}",
        default=None,
    )
    proxy: words.Url | None = key("The proxy to reach repositories.", "http://proxy.example:3128", default=None)
    credentials: SecretFile | None = key(
        "Names and passwords of repositories, as lines `machine HOST login NAME password PASSWORD`.",
        "{secret: netrc}",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A further place that packages come from.

    Without `url` the distribution's own repositories get further `components`.
    """

    SHORT: ClassVar[str] = "url"
    url: words.Url | None = key("Its address.", "https://packages.example/alpine/v3.20/main", default=None)
    name: words.RepositoryName | None = key(
        "What its files in the system are called. apk finds a key by this name; default there: that of the key's "
        "file. Otherwise: the host name of `url`.",
        "acme",
        default=None,
    )
    suites: tuple[words.Suite, ...] = key(
        "apt: the releases to take from it, or the directory of a flat repository. Default: the release of the system.",
        "[trixie]",
        default=(),
        one_or_many=True,
    )
    components: tuple[words.Component, ...] = key(
        "Parts of the repository. apt: main where `url` is given; apk: of the distribution's own, such as community.",
        "[non-free-firmware]",
        default=(),
        one_or_many=True,
    )
    public_key: PublicKey | None = key(
        "The public key that its packages or its index are signed with.",
        "{source: keys/acme.rsa.pub}",
        name="key",
        default=None,
    )
