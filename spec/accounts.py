"""Accounts of the system: the keys `users` and `groups`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import credentials, paths, words


@dataclass(frozen=True, slots=True, kw_only=True)
class HashText:
    """A password hash."""

    SHORT: ClassVar[str] = "hash"
    CHOSEN_BY: ClassVar[str] = "hash"
    hash: credentials.PasswordHash = key(
        'A crypt(3) hash (`openssl passwd -6` makes one); "" allows login without a password, "*" allows no password.',
        '"*"',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSecret:
    """A password hash from a secret of the build."""

    CHOSEN_BY: ClassVar[str] = "secret"
    secret: credentials.SecretId = key(
        "The ID of a `--secret id=ID,src=FILE` with a crypt(3) hash. A new hash gives a new image.", "admin_hash"
    )


Password = HashText | HashSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyText:
    """An SSH public key."""

    SHORT: ClassVar[str] = "key"
    CHOSEN_BY: ClassVar[str] = "key"
    line: credentials.SshKey = key("The line in the .pub file.", "ssh-ed25519 AAAA... ada@example", name="key")

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """SSH public keys from a file with one key per line."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key("The path of the file in the build context.", "keys/ada.pub")
    context: words.ContextName | None = key(
        "The named build context of `source`. Default: the main one.", "secrets", default=None
    )

    def __str__(self) -> str:
        return f"{self.source} of context {self.context}" if self.context else self.source


AuthorizedKey = KeyText | KeyFile


def key_files(users: Iterable[User]) -> tuple[KeyFile, ...]:
    """Return the files that keys of `users` are in, each once: a build step has them under their numbers here."""
    files = (each for user in users for each in user.ssh_authorized_keys if isinstance(each, KeyFile))
    return tuple(dict.fromkeys(files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group. If the base already has it, it does not change."""

    SHORT: ClassVar[str] = "name"
    name: words.UserName = key("The name of the group.", "data")
    gid: words.UserNumber | None = key("The group ID. Default: the first free one.", "2000", default=None)
    system: bool = key("Whether the group is for services, with an ID below 1000.", "true", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user account. If the base already has it, it is changed."""

    HINTS: ClassVar[Mapping[str, str]] = hints.USER
    name: words.UserName = key("The login name.", "admin")
    uid: words.UserNumber | None = key("The user ID. Default: the first free one.", "1000", default=None)
    group: words.UserName | None = key(
        "The primary group. Default: a group with the name of the user.", "users", default=None
    )
    groups: tuple[words.UserName, ...] = key(
        "More groups of the user. Missing groups are created.", "[sudo]", default=(), unique=True
    )
    password: Password | None = key(
        "The hash of the password, or `{secret: ID}`. Default: a new user cannot log in with a password.",
        '"*"',
        default=None,
    )
    lock: bool = key("Whether to disable login, both by password and by SSH key.", "true", default=False)
    shell: paths.ProgramPath | None = key(
        "The login shell. Default: /bin/bash if it exists, else /bin/sh.", "/bin/sh", default=None
    )
    home: paths.HomePath | None = key("The home directory. Default: /home/NAME.", "/srv/admin", default=None)
    comment: words.Comment | None = key("The full name.", "Ada Lovelace", default=None)
    system: bool = key("Whether the account is for a service, without a home directory.", "true", default=False)
    ssh_authorized_keys: tuple[AuthorizedKey, ...] = key(
        "SSH public keys that allow login, as text or as files (`{source: PATH}`).",
        "[{source: keys/ada.pub}]",
        default=(),
        unique=True,
    )
