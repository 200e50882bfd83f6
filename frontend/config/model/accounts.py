"""Who can log in: the key `users`."""

from __future__ import annotations

from dataclasses import dataclass

from .. import credentials, paths, words
from .keys import key


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user account; one that the base has is changed."""

    name: words.UserName = key("The login name.", "admin")
    uid: words.UserNumber | None = key("The user number. Default: the first that is free.", "1000", default=None)
    password: credentials.PasswordHash | None = key(
        'A crypt(3) hash as `openssl passwd -6` makes it; "" lets the user in without one, "*" lets no password in.',
        '"*"',
        default=None,
    )
    groups: tuple[words.UserName, ...] = key("Further groups of the user.", "[sudo]", default=(), unique=True)
    shell: paths.ProgramPath | None = key("The login shell. Default: /bin/bash, else /bin/sh.", "/bin/sh", default=None)
    home: paths.HomePath | None = key("The home folder. Default: /home/NAME.", "/srv/admin", default=None)
    comment: words.Comment | None = key("The full name.", "Ada Lovelace", default=None)
    system: bool = key("Whether this is the account of a service, without home folder.", "true", default=False)
    ssh_authorized_keys: tuple[credentials.SshKey, ...] = key(
        "The SSH public keys that let the user in.", "[ssh-ed25519 AAAA... ada@example]", default=(), unique=True
    )
