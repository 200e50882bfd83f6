"""Package repositories: the key `repositories`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .keys import key
from .values import paths, words


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
class Repository:
    """An additional package repository.

    Without `url`, `components` are added to the repositories of the distribution.
    """

    SHORT: ClassVar[str] = "url"
    url: words.Url | None = key(
        "The URL of the repository.", "https://packages.example/alpine/v3.20/main", default=None
    )
    name: words.RepositoryName | None = key(
        "The name of its files in the system. apk finds the key by this name, which defaults to that of the key file. "
        "Other default: the host name of `url`.",
        "acme",
        default=None,
    )
    suites: tuple[words.Suite, ...] = key(
        "apt: the suites to use. Default: the release of the system.", "[trixie]", default=(), one_or_many=True
    )
    components: tuple[words.Suite, ...] = key(
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
