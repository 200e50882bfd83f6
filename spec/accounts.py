"""Who can log in: the keys `users` and `groups`."""

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
    """A password as its hash."""

    SHORT: ClassVar[str] = "hash"
    CHOSEN_BY: ClassVar[str] = "hash"
    hash: credentials.PasswordHash = key(
        'A crypt(3) hash as `openssl passwd -6` makes it; "" lets the user in without one, "*" lets no password in.',
        '"*"',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSecret:
    """A password as its hash, from a secret of the build."""

    CHOSEN_BY: ClassVar[str] = "secret"
    secret: credentials.SecretId = key(
        "The ID of a `--secret id=ID,src=FILE` that holds a crypt(3) hash. A new hash makes a new image.", "admin_hash"
    )


Password = HashText | HashSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyText:
    """An SSH public key."""

    SHORT: ClassVar[str] = "key"
    CHOSEN_BY: ClassVar[str] = "key"
    line: credentials.SshKey = key("The line of the .pub file.", "ssh-ed25519 AAAA... ada@example", name="key")

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """SSH public keys from a file, one a line."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key("The path of the file in the build context.", "keys/ada.pub")
    context: words.ContextName | None = key("The named build context that `source` is in.", "secrets", default=None)

    def __str__(self) -> str:
        return f"{self.source} of context {self.context}" if self.context else self.source


AuthorizedKey = KeyText | KeyFile


def key_files(users: Iterable[User]) -> tuple[KeyFile, ...]:
    """Return the files that keys of `users` are in, each once: a build step has them under their numbers here."""
    files = (each for user in users for each in user.ssh_authorized_keys if isinstance(each, KeyFile))
    return tuple(dict.fromkeys(files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of users; one that the base has stays as it is."""

    SHORT: ClassVar[str] = "name"
    name: words.UserName = key("The name of the group.", "data")
    gid: words.UserNumber | None = key("The group number. Default: the first that is free.", "2000", default=None)
    system: bool = key("Whether the number is one for services, below 1000.", "true", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user account; one that the base has is changed."""

    HINTS: ClassVar[Mapping[str, str]] = hints.USER
    name: words.UserName = key("The login name.", "admin")
    uid: words.UserNumber | None = key("The user number. Default: the first that is free.", "1000", default=None)
    group: words.UserName | None = key(
        "The primary group. Default: a group of the user's own name.", "users", default=None
    )
    groups: tuple[words.UserName, ...] = key(
        "Further groups of the user. One that is not there is made.", "[sudo]", default=(), unique=True
    )
    password: Password | None = key(
        "The hash of the password, or `{secret: ID}`. Default: no password lets a new user in.", '"*"', default=None
    )
    lock: bool = key("Whether to let nobody in as this user, neither by password nor by key.", "true", default=False)
    shell: paths.ProgramPath | None = key("The login shell. Default: /bin/bash, else /bin/sh.", "/bin/sh", default=None)
    home: paths.HomePath | None = key("The home folder. Default: /home/NAME.", "/srv/admin", default=None)
    comment: words.Comment | None = key("The full name.", "Ada Lovelace", default=None)
    system: bool = key("Whether this is the account of a service, without home folder.", "true", default=False)
    ssh_authorized_keys: tuple[AuthorizedKey, ...] = key(
        "The SSH public keys that let the user in: texts, or files as `{source: PATH}`.",
        "[{source: keys/ada.pub}]",
        default=(),
        unique=True,
    )
